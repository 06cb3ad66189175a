/**
 * Collects the garbage of the control plane's thread, now and then. By itself the engine does so when about as much garbage
 * is held as is in use: on a server with many events, ten megabytes and more.
 */

import { collectGarbage, heapBytes, HeapGrowth } from "../native/heap.ts";

/** The pause between two looks while the thread works, and the longest one while it rests: each wakes the processor. */
const WORKING_MS = 3_000;
const RESTING_MS = 60_000;

/** More than audits and the like leave from one look to the next. */
const WORK_BYTES = 128 << 10;

export class HeapWatch {
  readonly #growth: HeapGrowth;
  readonly #collect: () => void;
  #grownBytes = 0;
  #pauseMs = WORKING_MS;
  #timer: NodeJS.Timeout | undefined;

  /** @param held the bytes that this thread's heap takes. @param collect collects all its garbage. */
  constructor(held: () => number | undefined = heapBytes, collect: () => void = collectGarbage) {
    this.#growth = new HeapGrowth(held);
    this.#collect = collect;
  }

  /** Looks again and again until `stop`. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.look();
      this.start();
    }, this.#pauseMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Collects where that is worth its time: some hundredths of a second, of a thread that has time. Returns the pause until
   * the next look, in milliseconds: twice as long as before while nothing is done.
   */
  look(): number {
    const before = this.#grownBytes;
    this.#grownBytes = this.#growth.measure();
    const works = this.#grownBytes - before >= WORK_BYTES;
    this.#pauseMs = works ? WORKING_MS : Math.min(2 * this.#pauseMs, RESTING_MS);
    if (this.#growth.isWorthwhile()) {
      this.#collect();
      this.#growth.collected();
      this.#grownBytes = 0;
    }
    return this.#pauseMs;
  }
}
