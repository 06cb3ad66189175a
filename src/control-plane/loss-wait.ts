/**
 * The wait after a loss of memory: begun anew when the clock is set, and reported while it lasts.
 */

import type { Clock } from "../core/clock.ts";
import type { Subjects } from "../match/subject-table.ts";
import { ClockWatch } from "./clock-watch.ts";
import { log } from "./log.ts";
import type { Readiness } from "./readiness.ts";
import type { PersistentState } from "./persistent-state.ts";

export interface LossWaitParts {
  readonly clock: Clock;
  readonly readiness: Readiness;
  readonly persistent: PersistentState;
  /** The subjects of the configuration in force. */
  readonly subjects: () => Subjects;
  /** Makes the data plane refuse every knock that has become doubtful. */
  readonly applyDoubt: () => Promise<void>;
}

export class LossWait {
  readonly #parts: LossWaitParts;
  readonly #clockWatch: ClockWatch;
  /** The data plane does not know yet that the clock was set. */
  #unapplied = false;

  constructor(parts: LossWaitParts) {
    this.#parts = parts;
    this.#clockWatch = new ClockWatch(parts.clock);
  }

  /**
   * When the clock is set and the record of uses is incomplete, it becomes doubtful again which
   * knocks were used. Throws when the data plane cannot take that in; the next call tries again.
   */
  async watchClock(): Promise<void> {
    const { clock, persistent, applyDoubt } = this.#parts;
    const stepMs = this.#clockWatch.step();
    if (stepMs !== 0) {
      const direction = stepMs > 0 ? "forward" : "back";
      log("warning", `The clock was set ${direction} by ${Math.round(Math.abs(stepMs) / 1_000)} s`);
      persistent.clockWasSet(clock.wallMs());
      this.#unapplied = persistent.lost !== undefined;
    }
    if (!this.#unapplied) return;
    await applyDoubt();
    this.#unapplied = false;
  }

  /**
   * Reports when rotating doors begin to wait, keeps readiness red meanwhile, and reports the end.
   * Returns whether they wait: then call it again within a second or so.
   */
  tell(): boolean {
    const { clock, readiness, persistent, subjects } = this.#parts;
    const atMs = clock.wallMs();
    const leftMs = persistent.waitsUntilMs(subjects()) - atMs;
    const waiting = readiness.has("clock");
    persistent.keepDoubt(persistent.doubtsUntilMs(subjects()) > atMs);
    if (leftMs <= 0) {
      if (waiting) log("info", "The wait is over: rotating doors open again");
      readiness.clear("clock");
      return false;
    }
    const reason = persistent.lost!;
    const sentence = `Rotating doors wait ${Math.ceil(leftMs / 1_000)} s, until no knock used before can open them: ${reason}`;
    readiness.set("clock", sentence);
    if (waiting) return true;
    log("warning", sentence);
    persistent.note({ type: "uses.lost", atMs, reason, waitMs: leftMs });
    return true;
  }
}
