/** When the data plane, woken by a first packet, goes the way of a knock once for nobody. */

/** A thread that slept for less has its code, and the kernel's, still in the processor's caches. */
const COLD_AFTER_MS = 2;

/** What may be spent of a processor's time, and at once: packets of strangers must stay cheap. */
const SHARE = 0.01;
const MOST_MS = 3;

/**
 * After a sleep of some milliseconds the way through matcher and kernel takes several times as long as
 * in a loop: 105 to 135 µs for a grant instead of 16. But a knock has several packets, and while the
 * rest of them are on their way there is time to fetch all of it into the caches.
 *
 * It depends on nothing but that some packet of the range came: a right one, a wrong one and a scan have
 * the same effect, so that nobody learns anything from it. Times are monotonic milliseconds.
 */
export class Vigil {
  #budgetMs = MOST_MS;
  #paidMs = 0;

  /** Takes note of packets that came at `nowMs` after a sleep; true when a rehearsal is of use and affordable. */
  heard(nowMs: number, sleptMs: number): boolean {
    if (sleptMs < COLD_AFTER_MS) return false;
    this.#budgetMs = Math.min(MOST_MS, this.#budgetMs + (nowMs - this.#paidMs) * SHARE);
    this.#paidMs = nowMs;
    return this.#budgetMs > 0;
  }

  /** Counts the time a rehearsal took; one that takes longer than what is left is paid for later. */
  spend(ms: number): void {
    this.#budgetMs -= ms;
  }
}
