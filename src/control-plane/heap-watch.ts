/**
 * Collects the garbage of the control plane's thread, now and then. By itself the engine does so when about as much garbage
 * is held as is in use: on a server with many events, ten megabytes and more.
 */

import { heapSize } from "bun:jsc";

/** Collecting takes some hundredths of a second, of a thread that has time. */
const WORTHWHILE_BYTES = 2 << 20;

export class HeapWatch {
  readonly #held: () => number;
  readonly #collect: () => void;
  /** After the last collection. */
  #keptBytes: number;

  /** @param held the bytes of this thread's heap. @param collect collects all its garbage. */
  constructor(held = heapSize, collect: () => void = () => Bun.gc(true)) {
    this.#held = held;
    this.#collect = collect;
    this.#keptBytes = held();
  }

  /** Call it about once a minute. */
  look(): void {
    if (this.#held() - this.#keptBytes < WORTHWHILE_BYTES) return;
    this.#collect();
    this.#keptBytes = this.#held();
  }
}
