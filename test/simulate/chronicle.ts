/** What happened in a story, a line each, what of it is counted, and the first promise that was broken. */

import type { Clock } from "../../src/core/clock.ts";
import { Tally } from "./tally.ts";
import { Violation } from "./violation.ts";

export class Chronicle {
  readonly #clock: Clock;
  readonly #withDates: boolean;
  readonly #lines: string[] = [];
  readonly tally = new Tally();
  #violation: Violation | undefined;

  constructor(clock: Clock, withDates: boolean) {
    this.#clock = clock;
    this.#withDates = withDates;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The first one; undefined: every promise was kept so far. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  note(line: string): void {
    const ms = this.#clock.monotonicMs();
    const clock = new Date(this.#clock.wallMs()).toISOString().slice(this.#withDates ? 0 : 11, 23);
    this.#lines.push(`${clock} +${(ms / 1_000).toFixed(3)} ${line}`);
  }

  /** A promise was broken: the story ends. */
  break(promise: string, detail: string): void {
    this.judge(new Violation(promise, detail));
  }

  /** Takes what a check found; undefined: nothing. */
  judge(found: Violation | undefined): void {
    if (found === undefined || this.#violation !== undefined) return;
    this.#violation = found;
    this.note(`BROKEN: ${found.message}`);
  }
}
