/**
 * Passes over the middle of a long silence. Its first and its last hour are played as they come, and so
 * are some minutes at random moments within. In between, time moves on at once to what is due next,
 * where the last firings of every timer changed nothing.
 */

import type { Agenda } from "./agenda.ts";

const MINUTE_MS = 60_000;

/** Of each silence, so much is played at its beginning and at its end. */
const EDGE_MS = 60 * MINUTE_MS;

/** So long every timer fired and nothing changed; every period of a timer divides a minute. */
const SAME_MS = 10 * MINUTE_MS;

/** No period of a timer is longer. */
const PERIOD_MS = MINUTE_MS + 1_000;

/** Looks lie apart from the timers, most of which began at whole seconds. */
const ASIDE_MS = 1_234.5;

/** The time until a timer fires moves by so much, as the work before it took its time. */
const DRIFT_MS = 50;

/** How often a leap ends at a random moment within the silence: once of so many it does not. */
const SAMPLES = 3;

export interface Quiet {
  /** Another number whenever something was told. */
  readonly told: () => number;
  /** All that the program and its world remember, as a text: equal where nothing changed. */
  readonly state: () => string;
  /** Nothing that is not repeated all the time is due before this, in monotonic milliseconds. */
  readonly untilMs: () => number;
  /** Time has moved on by so much. */
  readonly passed: (ms: number) => void;
}

interface Look {
  readonly state: string;
  readonly pending: readonly number[];
}

export class Silence {
  readonly #agenda: Agenda;
  readonly #quiet: Quiet;
  readonly #random: (below: number) => number;
  #told = -1;
  #before: Look | undefined;

  constructor(agenda: Agenda, quiet: Quiet, random: (below: number) => number) {
    this.#agenda = agenda;
    this.#quiet = quiet;
    this.#random = random;
    this.#lookIn(EDGE_MS);
  }

  #lookIn(ms: number): void {
    this.#agenda.after(ms, () => this.#look());
  }

  #look(): void {
    const told = this.#quiet.told();
    if (told !== this.#told) {
      this.#told = told;
      this.#before = undefined;
      this.#lookIn(EDGE_MS - SAME_MS + ASIDE_MS);
      return;
    }
    const now = { state: this.#quiet.state(), pending: this.#soon() };
    const same = this.#before !== undefined && areSame(this.#before, now);
    this.#before = now;
    if (same) this.#leap();
    this.#lookIn(SAME_MS);
  }

  #leap(): void {
    const longestMs = this.#quiet.untilMs() - this.#agenda.monotonicMs() - EDGE_MS;
    const share = this.#random(SAMPLES) === 0 ? 1 : this.#random(1_000) / 1_000;
    const ms = Math.floor((longestMs * share) / MINUTE_MS) * MINUTE_MS;
    if (ms < SAME_MS) return;
    this.#agenda.leap(ms, PERIOD_MS);
    this.#quiet.passed(ms);
  }

  /** When the timers fire that repeat, from now on. */
  #soon(): number[] {
    return this.#agenda.pending().filter((ms) => ms <= PERIOD_MS);
  }
}

/** When the first work is due that is none of those that repeat. */
export function nextSeldomMs(agenda: Agenda): number {
  const first = agenda.pending().find((ms) => ms > PERIOD_MS) ?? Infinity;
  return agenda.monotonicMs() + first;
}

function areSame(one: Look, other: Look): boolean {
  return (
    one.state === other.state &&
    one.pending.length === other.pending.length &&
    one.pending.every((ms, i) => Math.abs(ms - other.pending[i]!) < DRIFT_MS)
  );
}
