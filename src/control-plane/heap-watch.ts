/**
 * Collects the garbage of the control plane's thread, now and then. By itself the engine does so when about as much garbage
 * is held as is in use: on a server with many events, ten megabytes and more.
 */

import { collectGarbage, heapBytes, HeapGrowth } from "../native/heap.ts";

export class HeapWatch {
  readonly #growth: HeapGrowth;
  readonly #collect: () => void;

  /** @param held the bytes that this thread's heap takes. @param collect collects all its garbage. */
  constructor(held = heapBytes, collect: () => void = collectGarbage) {
    this.#growth = new HeapGrowth(held);
    this.#collect = collect;
  }

  /** Call it about once a minute: collecting takes some hundredths of a second, of a thread that has time. */
  look(): void {
    if (!this.#growth.isWorthwhile()) return;
    this.#collect();
    this.#growth.collected();
  }
}
