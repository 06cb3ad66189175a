/** The record of what nobody confirmed in time, written again until the state folder takes it. */

import { clearUnconfirmed, markUnconfirmed, unconfirmedFile } from "../config/unconfirmed.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { LastingChange } from "./lasting-change.ts";

export class UnconfirmedRecord {
  readonly #change: LastingChange;

  constructor(report: (notice: StoreNotice) => void) {
    this.#change = new LastingChange("A start may take the wrong configuration", report);
  }

  /** Nobody confirmed this text in time. A refusal does not stop the return to what ran before. */
  mark(stateDir: string, toml: string): void {
    this.#change.make(unconfirmedFile(stateDir), () => markUnconfirmed(stateDir, toml));
  }

  /** Somebody reloaded: the file counts again. A refusal does not stop the reload. */
  clear(stateDir: string): void {
    this.#change.make(unconfirmedFile(stateDir), () => clearUnconfirmed(stateDir));
  }

  /** Tries again what was refused. */
  again(): void {
    this.#change.again();
  }
}
