/**
 * Tells the engine when to collect garbage: in a pause, before a moment of its own choice falls into a
 * knock. It keeps what a plan that is over left behind for as long as little is allocated.
 */

/** No packet for so long is a pause. */
const PAUSE_MS = 100;

/** So many openings leave a megabyte. */
const OPENINGS = 100;

/** Times are monotonic milliseconds. */
export class Collector {
  readonly #collect: () => void;
  #isDue = false;
  #openedBefore = 0;
  #pauseMs = 0;

  /** @param collect collects all garbage of this thread. */
  constructor(collect: () => void = () => Bun.gc(true)) {
    this.#collect = collect;
  }

  /** Another plan is in force, so that the matcher before is garbage. */
  replaced(): void {
    this.#isDue = true;
  }

  /** When the pause is long enough; never where there is little to collect. */
  get dueMs(): number {
    return this.#isDue ? this.#pauseMs : Infinity;
  }

  /** Notes a look that ended at `nowMs` with that many packets, and openings since the start. Collects in a pause. */
  look(packets: number, opened: number, nowMs: number): void {
    if (opened - this.#openedBefore >= OPENINGS) this.#isDue = true;
    if (packets > 0) this.#pauseMs = nowMs + PAUSE_MS;
    if (!this.#isDue || nowMs < this.#pauseMs) return;
    this.#collect();
    this.#isDue = false;
    this.#openedBefore = opened;
  }
}
