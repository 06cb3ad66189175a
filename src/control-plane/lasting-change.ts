/** A change to a text file that the state folder may refuse: made again until it takes it. */

import { messageOf } from "../core/errors.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { RefusedFile } from "./refused-file.ts";

export class LastingChange {
  readonly #consequence: string;
  readonly #told: RefusedFile;
  #waiting: (() => string | undefined) | undefined;

  /** `consequence` of a refusal, a clause. `report` hears once of a refusal, and once of its end. */
  constructor(consequence: string, report: (notice: StoreNotice) => void) {
    this.#consequence = consequence;
    this.#told = new RefusedFile(report);
  }

  /** Makes a change to `file`, in the place of one that waits. Returns the sentence of a refusal; the change then waits. */
  make(file: string, work: () => void): string | undefined {
    let refusal: string | undefined;
    try {
      work();
    } catch (error) {
      refusal = `${this.#consequence}: ${messageOf(error)}`;
    }
    this.#waiting = refusal === undefined ? undefined : () => this.make(file, work);
    this.#told.hear(file, refusal);
    return refusal;
  }

  /** Makes a change that means nothing later: throws the refusal, and what waited goes on waiting. */
  makeNow<T>(file: string, work: () => T): T {
    const result = work();
    this.#waiting = undefined;
    this.#told.hear(file, undefined);
    return result;
  }

  /** Tries again what was refused. */
  again(): void {
    this.#waiting?.();
  }
}
