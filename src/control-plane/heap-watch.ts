/**
 * Collects the garbage of the control plane's thread, now and then. By itself the engine does so when about as much garbage
 * is held as is in use: on a server with many events, ten megabytes and more.
 */

import { collectGarbage, heapBytes } from "../native/heap.ts";

/** Collecting takes some hundredths of a second, of a thread that has time. */
const WORTHWHILE_BYTES = 2 << 20;

export class HeapWatch {
  readonly #held: () => number;
  readonly #collect: () => void;
  /** The least since the last collection, whoever asked for it. */
  #leastBytes: number;

  /** @param held the bytes that this thread's heap takes. @param collect collects all its garbage. */
  constructor(held = heapBytes, collect: () => void = collectGarbage) {
    this.#held = held;
    this.#collect = collect;
    this.#leastBytes = held();
  }

  /** Call it about once a minute. */
  look(): void {
    const bytes = this.#held();
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    if (bytes - this.#leastBytes < WORTHWHILE_BYTES) return;
    this.#collect();
    this.#leastBytes = this.#held();
  }
}
