/**
 * Tells the engine when to collect garbage: in a pause, before a moment of its own choice falls into a
 * knock. It keeps what a plan that is over left behind for as long as little is allocated.
 */

import { collectGarbage, heapBytes, HeapGrowth } from "../native/heap.ts";

/** No packet for so long is a pause. */
const PAUSE_MS = 100;

/** A server that hears strangers all the time has no pause: so long after it became due, collecting waits no more. */
const PATIENCE_MS = 5_000;

/** So many openings leave a megabyte. */
const OPENINGS = 100;

/** Whatever else leaves garbage is seen by what the heap takes: measured no more often. */
const MEASURE_MS = 2_000;

/** Times are monotonic milliseconds. */
export class Collector {
  readonly #collect: () => void;
  readonly #growth: HeapGrowth;
  #isDue = false;
  #openedBefore = 0;
  #measureMs = 0;
  #lookedMs = 0;
  /** The end of a pause without another packet, and when no pause is waited for any more. */
  #pausedMs = 0;
  #latestMs = 0;

  /** @param collect collects all garbage of this thread. @param held the bytes that its heap takes. */
  constructor(collect: () => void = collectGarbage, held = heapBytes) {
    this.#collect = collect;
    this.#growth = new HeapGrowth(held);
  }

  /** Another plan is in force, so that the matcher before is garbage. */
  replaced(): void {
    this.#becomesDue();
  }

  /** When to look next; never where there is little to collect. */
  get dueMs(): number {
    return this.#isDue ? Math.min(this.#pausedMs, this.#latestMs) : Infinity;
  }

  /**
   * Notes a look that ended at `nowMs` with that many packets, and openings since the start. Collects in a pause, or
   * after so long without one.
   */
  look(packets: number, opened: number, nowMs: number): void {
    this.#lookedMs = nowMs;
    if (packets > 0) this.#pausedMs = nowMs + PAUSE_MS;
    if (opened - this.#openedBefore >= OPENINGS || this.#hasGrown(nowMs)) this.#becomesDue();
    if (nowMs < this.dueMs) return;
    this.#collect();
    this.#isDue = false;
    this.#openedBefore = opened;
    this.#growth.collected();
  }

  #hasGrown(nowMs: number): boolean {
    if (nowMs < this.#measureMs) return false;
    this.#measureMs = nowMs + MEASURE_MS;
    return this.#growth.isWorthwhile();
  }

  #becomesDue(): void {
    if (!this.#isDue) this.#latestMs = this.#lookedMs + PATIENCE_MS;
    this.#isDue = true;
  }
}
