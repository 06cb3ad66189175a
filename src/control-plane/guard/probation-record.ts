/** The record of a probation that a daemon keeps: written again until the state folder takes it. */

import { SallyportError } from "../../core/errors.ts";
import type { StoreNotice } from "../../store/state-file.ts";
import { LastingChange } from "../lasting-change.ts";
import { ProbationFile } from "./probation-file.ts";

export class ProbationRecord {
  readonly #file: ProbationFile;
  readonly #change: LastingChange;

  constructor(stateDir: string, report: (notice: StoreNotice) => void) {
    this.#file = new ProbationFile(stateDir);
    this.#change = new LastingChange("A start may take up a probation that is over", report);
  }

  /** As `ProbationFile`. */
  leftMs(wallMs: number): number | undefined {
    return this.#file.leftMs(wallMs);
  }

  /**
   * A probation of this many milliseconds from now on. Returns what puts back the record before. Throws SallyportError
   * where the file cannot be written: nothing may begin then.
   */
  begin(wallMs: number, forMs: number): () => void {
    const undo = this.#change.makeNow(this.#file.path, () => this.#file.begin(wallMs, forMs));
    return () => this.#change.make(this.#file.path, undo);
  }

  /**
   * A probation of an earlier daemon has this many milliseconds left. A refusal keeps no daemon from its start: what the
   * folder has says the same.
   */
  goOn(wallMs: number, forMs: number): void {
    try {
      this.#file.begin(wallMs, forMs);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
    }
  }

  /** Nobody confirmed it in time. A refusal does not keep the ports shut. */
  lapse(wallMs: number): void {
    this.#change.make(this.#file.path, () => void this.#file.begin(wallMs, 0));
  }

  /** The guard is permanent, whatever the state folder says. Returns the sentence of a refusal. */
  end(): string | undefined {
    return this.#change.make(this.#file.path, () => this.#file.end());
  }

  /** Tries again what was refused. */
  again(): void {
    this.#change.again();
  }
}
