/** Notices that somebody set the wall clock, by comparing it with the clock that nobody can set. */

import type { Clock } from "../core/clock.ts";

/** Slewing and leap seconds stay below this. */
const STEP_MS = 2_000;

export class ClockWatch {
  readonly #clock: Clock;
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** By how much the clock was set since the last call, negative for back; 0 when it was not. */
  step(): number {
    const offsetMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    const stepMs = offsetMs - this.#offsetMs;
    // Small drifts are followed, so that they do not add up to a step.
    this.#offsetMs = offsetMs;
    return Math.abs(stepMs) > STEP_MS ? stepMs : 0;
  }
}
