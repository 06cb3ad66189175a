/** Holds timers, files and memory to a bound: time alone lets none of them grow. */

import { heapStats } from "bun:jsc";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { SimulatedDisk } from "./disk.ts";

const MINUTE_MS = 60_000;

/** More timers than a daemon in silence has. */
const MOST_TIMERS = 30;

/** Three logs of SQLite, and more than the events of ninety days. */
const MOST_FILE_BYTES = 32 << 20;

/** More than the story itself remembers. */
const MOST_GROWTH_BYTES = 64 << 20;

export class MemoryWatch {
  readonly #agenda: Agenda;
  readonly #chronicle: Chronicle;
  readonly #disk: Pick<SimulatedDisk, "bytes">;
  /** Held when the first silence was passed over; 0 before. */
  #firstBytes = 0;

  constructor(agenda: Agenda, chronicle: Chronicle, disk: Pick<SimulatedDisk, "bytes">) {
    this.#agenda = agenda;
    this.#chronicle = chronicle;
    this.#disk = disk;
  }

  /** Call it in silences. */
  check(): void {
    const timers = this.#agenda.pending().filter((ms) => ms < MINUTE_MS).length;
    if (timers > MOST_TIMERS) this.#break(`${timers} timers run in silence`);
    const { bytes } = this.#disk;
    if (bytes > MOST_FILE_BYTES) this.#break(`the state folder has ${bytes >> 20} MiB`);
  }

  /** Call it after each silence that was passed over: nothing may have grown since the first. */
  silencePassed(): void {
    this.#firstBytes ||= heldBytes();
  }

  /** Call it at the end of the story. */
  checkGrowth(): void {
    const moreBytes = this.#firstBytes > 0 ? heldBytes() - this.#firstBytes : 0;
    if (moreBytes <= MOST_GROWTH_BYTES) return;
    this.#break(`${moreBytes >> 20} MiB more than after the first silence`);
  }

  #break(what: string): void {
    this.#chronicle.break("memory is bounded", what);
  }
}

/** What all living objects take; the processor needs a tenth of a second to find them. */
function heldBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}
