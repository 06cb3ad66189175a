/** A limit: so many at once, and so many a second after that. */

/** Times further back than this come from a clock that was set. */
const STEP_MS = 10_000;

export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #atMs = -Infinity;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /**
   * Whether one more may pass at `nowMs`. Times may be slightly out of order; a clock set back
   * starts anew.
   */
  take(nowMs: number): boolean {
    if (nowMs < this.#atMs - STEP_MS) this.#atMs = nowMs;
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#left = Math.min(this.#burst, this.#left + (passedMs * this.#perSecond) / 1_000);
    // Never back by a little: two alternating times would earn their difference again and again.
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
