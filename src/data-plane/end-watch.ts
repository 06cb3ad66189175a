/**
 * Looks regularly for grants that have ended: by their time, or by a connection that spent them.
 */

import type { Doorkeeper } from "./doorkeeper.ts";
import type { Ledger } from "./ledger.ts";

/** Ends of grants are told at most this often, so that thousands of them do not busy the loop. */
const EXPIRY_GRAIN_MS = 50;

/** Ends of grants told between two looks at the wire: about 0.3 ms of work. */
const ENDED_AT_ONCE = 32;

/** Grants that the kernel is asked again to take, between two looks at the wire: a refusal costs several tries. */
const FINISHED_AT_ONCE = 16;

/**
 * The kernel tells nobody that a packet spent a grant for one connection: so often the data plane looks
 * while there are any, at some of them: a look-up takes a hundredth of a millisecond.
 */
const ONCE_LOOK_MS = 200;
const ONCE_AT_A_LOOK = 64;

export class EndWatch {
  readonly #ledger: Ledger;
  #nextOnceMs = 0;
  /** The kernel is to be asked again to take elements. */
  #againMs = Infinity;
  #more = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** More grants have ended than were told of. */
  get hasMore(): boolean {
    return this.#more;
  }

  /** When the next look is due, in monotonic milliseconds. */
  dueMs(nowMs: number): number {
    const endMs = Math.max(
      Math.min(this.#ledger.nextEndMs, this.#againMs),
      nowMs + EXPIRY_GRAIN_MS,
    );
    return this.#ledger.onceSize > 0 ? Math.min(endMs, this.#nextOnceMs) : endMs;
  }

  /** Makes the doorkeeper report some of the due ends. */
  look(keeper: Doorkeeper | undefined, nowMs: number): void {
    this.#more = nowMs >= this.#ledger.nextEndMs && keeper?.expire(ENDED_AT_ONCE) === true;
    if (nowMs >= this.#againMs) keeper?.ends.finish(FINISHED_AT_ONCE);
    if (this.#ledger.onceSize > 0 && nowMs >= this.#nextOnceMs) {
      keeper?.traffic.lookAtOnce(ONCE_AT_A_LOOK);
      this.#nextOnceMs = nowMs + ONCE_LOOK_MS;
    }
    this.#againMs = keeper?.ends.dueMs ?? Infinity;
  }
}
