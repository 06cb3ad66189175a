/**
 * The keys of many devices in a few buffers that threads share: nothing to copy, nothing to
 * collect.
 */

import { KEY_BYTES } from "./key.ts";

/** A device and its key on this server. */
export interface NamedKey {
  readonly user: string;
  readonly device: string;
  /** `KEY_BYTES` bytes */
  readonly key: Uint8Array;
}

/** The parts of a KeyTable, in the form that goes to another thread. */
export interface KeyTableMemory {
  /** `KEY_BYTES` for each row. */
  readonly keys: Uint8Array;
  /** All names, "user/device", one after the other; and the end of each. */
  readonly names: Uint8Array;
  readonly ends: Uint32Array;
  /**
   * Row + 1 at the hash of its name, 0 for a free place. The number of places is a power of two; at
   * least half are free.
   */
  readonly index: Uint32Array;
}

export class KeyTable {
  readonly memory: KeyTableMemory;
  /** Through a Buffer: a decoder refuses memory that threads share. */
  readonly #names: Buffer;

  constructor(memory: KeyTableMemory) {
    const { buffer, byteOffset, byteLength } = memory.names;
    this.memory = memory;
    this.#names = Buffer.from(buffer, byteOffset, byteLength);
  }

  /** Takes the devices one by one, so that a reader of a file need not hold them all. */
  static from(devices: Iterable<NamedKey>): KeyTable {
    let keys = new Uint8Array(16 * KEY_BYTES);
    let names = new Uint8Array(16 * 32);
    let ends = new Uint32Array(16);
    let rows = 0;
    let nameEnd = 0;
    for (const { user, device, key } of devices) {
      if (key.length !== KEY_BYTES) throw new RangeError(`A key has ${key.length} bytes`);
      const name = `${user}/${device}`;
      if (rows === ends.length) {
        ends = grown(ends);
        keys = grown(keys);
      }
      // UTF-8 may take three bytes a character; names of users and devices are ASCII.
      while (nameEnd + 3 * name.length > names.length) names = grown(names);
      keys.set(key, rows * KEY_BYTES);
      nameEnd += encoder.encodeInto(name, names.subarray(nameEnd)).written;
      ends[rows++] = nameEnd;
    }
    const table = new KeyTable({
      keys: shared(keys, rows * KEY_BYTES),
      names: shared(names, nameEnd),
      ends: shared(ends, rows),
      index: new Uint32Array(
        new SharedArrayBuffer(4 * 2 ** Math.ceil(Math.log2(Math.max(2, 2 * rows)))),
      ),
    });
    for (let row = 0; row < rows; row++) table.#enter(row);
    return table;
  }

  /** The table of a list; a table is returned as it is. */
  static of(keys: readonly NamedKey[] | KeyTable): KeyTable {
    return keys instanceof KeyTable ? keys : KeyTable.from(keys);
  }

  get length(): number {
    return this.memory.ends.length;
  }

  /** The device of a row: a fresh object with a view of the key. */
  at(row: number): NamedKey {
    const name = this.#name(row);
    const slash = name.indexOf("/");
    return { user: name.slice(0, slash), device: name.slice(slash + 1), key: this.key(row) };
  }

  user(row: number): string {
    const name = this.#name(row);
    return name.slice(0, name.indexOf("/"));
  }

  *users(): Generator<string, void> {
    for (let row = 0; row < this.length; row++) yield this.user(row);
  }

  /** Whether two devices share a name, or two names a key. */
  get hasTwins(): boolean {
    const { keys, names, ends, index } = this.memory;
    const length = this.length;
    const byKey = new Uint32Array(index.length);
    const mask = index.length - 1;
    for (let row = 0; row < length; row++) {
      const at = row * KEY_BYTES;
      let place = hashOf(keys, at, at + KEY_BYTES) & mask;
      for (; byKey[place] !== 0; place = (place + 1) & mask) {
        if (equal(keys, at, keys, (byKey[place]! - 1) * KEY_BYTES, KEY_BYTES)) return true;
      }
      byKey[place] = row + 1;

      const from = row === 0 ? 0 : ends[row - 1]!;
      const size = ends[row]! - from;
      // Of equal names, the search meets the first one first.
      for (let i = hashOf(names, from, ends[row]!) & mask; ; i = (i + 1) & mask) {
        const other = index[i]! - 1;
        if (other === row) break;
        const start = other === 0 ? 0 : ends[other - 1]!;
        if (ends[other]! - start === size && equal(names, from, names, start, size)) return true;
      }
    }
    return false;
  }

  /** A view, not a copy. */
  key(row: number): Uint8Array {
    return this.memory.keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES);
  }

  /** The row of a device for which `accept` returns true, or −1. */
  find(user: string, device: string, accept: (row: number) => boolean = () => true): number {
    const { names, ends, index } = this.memory;
    const wanted = encoder.encode(`${user}/${device}`);
    const mask = index.length - 1;
    for (let place = hashOf(wanted, 0, wanted.length) & mask; ; place = (place + 1) & mask) {
      const row = index[place]! - 1;
      if (row < 0) return -1;
      const start = row === 0 ? 0 : ends[row - 1]!;
      if (ends[row]! - start !== wanted.length) continue;
      if (equal(wanted, 0, names, start, wanted.length) && accept(row)) return row;
    }
  }

  #name(row: number): string {
    const { ends } = this.memory;
    return this.#names.toString("utf8", row === 0 ? 0 : ends[row - 1]!, ends[row]);
  }

  #enter(row: number): void {
    const { names, ends, index } = this.memory;
    const mask = index.length - 1;
    let place = hashOf(names, row === 0 ? 0 : ends[row - 1]!, ends[row]!) & mask;
    while (index[place] !== 0) place = (place + 1) & mask;
    index[place] = row + 1;
  }
}

/** FNV-1a: names differ in their last characters, and it spreads those over all bits. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c_9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193);
  return hash ^ (hash >>> 15);
}

function equal(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

const encoder = new TextEncoder();

function grown<T extends Uint8Array | Uint32Array>(column: T): T {
  const larger = new (column.constructor as new (length: number) => T)(2 * column.length);
  larger.set(column);
  return larger;
}

/** The first `length` items in memory that threads share. */
function shared<T extends Uint8Array | Uint32Array>(column: T, length: number): T {
  const memory = new SharedArrayBuffer(length * column.BYTES_PER_ELEMENT);
  const copy = new (column.constructor as new (buffer: SharedArrayBuffer) => T)(memory);
  copy.set(column.subarray(0, length));
  return copy;
}
