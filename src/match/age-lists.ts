/**
 * Doubly linked lists over small numbers, oldest first: they say which number is forgotten next.
 */

/**
 * `lists` lists over ids from 0 to `capacity − 1`; an id is in at most one of them. Every operation
 * takes constant time, and nothing is allocated after the construction.
 */
export class AgeLists {
  static readonly BYTES_PER_ID = 8;
  static readonly BYTES_PER_LIST = 8;

  /** Neighbours as `id + 1`, 0 for none, so that fresh memory is a set of empty lists. */
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  readonly #oldest: Int32Array;
  readonly #newest: Int32Array;

  constructor(capacity: number, lists: number) {
    this.#older = new Int32Array(capacity);
    this.#newer = new Int32Array(capacity);
    this.#oldest = new Int32Array(lists);
    this.#newest = new Int32Array(lists);
  }

  /** The oldest id of a list, or −1 where the list is empty. */
  oldest(list: number): number {
    return this.#oldest[list]! - 1;
  }

  /** Puts an id that is in no list at the new end of `list`. */
  append(list: number, id: number): void {
    const before = this.#newest[list]!;
    this.#older[id] = before;
    this.#newer[id] = 0;
    if (before === 0) this.#oldest[list] = id + 1;
    else this.#newer[before - 1] = id + 1;
    this.#newest[list] = id + 1;
  }

  /** Takes an id out of the `list` it is in. */
  remove(list: number, id: number): void {
    const older = this.#older[id]!;
    const newer = this.#newer[id]!;
    if (older === 0) this.#oldest[list] = newer;
    else this.#newer[older - 1] = newer;
    if (newer === 0) this.#newest[list] = older;
    else this.#older[newer - 1] = older;
  }

  /** Moves an id of `list` to its new end. */
  renew(list: number, id: number): void {
    if (this.#newest[list] === id + 1) return;
    this.remove(list, id);
    this.append(list, id);
  }
}
