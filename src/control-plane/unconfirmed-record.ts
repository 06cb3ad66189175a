/** The record of what nobody confirmed in time, tried again until the state folder takes it. */

import { clearUnconfirmed, markUnconfirmed, unconfirmedFile } from "../config/unconfirmed.ts";
import { messageOf } from "../core/errors.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { RefusedFile } from "./refused-file.ts";

export class UnconfirmedRecord {
  readonly #told: RefusedFile;
  #waiting: (() => void) | undefined;

  constructor(report: (notice: StoreNotice) => void) {
    this.#told = new RefusedFile(report);
  }

  /** Nobody confirmed this text in time. A refusal does not stop the return to what ran before. */
  mark(stateDir: string, toml: string): void {
    this.#try(stateDir, () => markUnconfirmed(stateDir, toml));
  }

  /** Somebody reloaded: the file counts again. A refusal does not stop the reload. */
  clear(stateDir: string): void {
    this.#try(stateDir, () => clearUnconfirmed(stateDir));
  }

  /** Tries again what was refused. */
  again(): void {
    this.#waiting?.();
  }

  #try(stateDir: string, work: () => void): void {
    let refusal: string | undefined;
    try {
      work();
    } catch (error) {
      refusal = `A start may take the wrong configuration: ${messageOf(error)}`;
    }
    this.#waiting = refusal === undefined ? undefined : () => this.#try(stateDir, work);
    this.#told.hear(unconfirmedFile(stateDir), refusal);
  }
}
