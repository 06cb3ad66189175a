/** When the disk refuses, and how long what the daemon wrote may be missing from it. */

import type { Agenda } from "./agenda.ts";
import type { SimulatedDisk } from "./disk.ts";

/** A disk that failed is tried again within this time. */
const RETRY_MS = 61_000;

export class DiskTrouble {
  readonly #agenda: Agenda;
  readonly #disk: Pick<SimulatedDisk, "refuses">;
  #endedMs = -Infinity;
  /** The disk has refused before. */
  hasBeen = false;

  constructor(agenda: Agenda, disk: Pick<SimulatedDisk, "refuses">) {
    this.#agenda = agenda;
    this.#disk = disk;
  }

  /** Every write fails with this error of SQLite for so long. */
  begin(code: string, forMs: number): void {
    this.#disk.refuses = code;
    this.hasBeen = true;
    this.#agenda.after(forMs, () => {
      this.#disk.refuses = undefined;
      this.#endedMs = this.#agenda.monotonicMs();
    });
  }

  /** The disk takes everything from now on, until trouble begins again. */
  mend(): void {
    if (this.isRefusing) this.#endedMs = this.#agenda.monotonicMs();
    this.#disk.refuses = undefined;
  }

  get isRefusing(): boolean {
    return this.#disk.refuses !== undefined;
  }

  /** What the daemon wrote may not be on the disk: it refuses, or was not tried again yet. */
  get mayLack(): boolean {
    return this.isRefusing || this.#agenda.monotonicMs() - this.#endedMs < RETRY_MS;
  }
}
