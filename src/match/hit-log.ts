/** The latest knocks of each source: remembered to explain, never to open. */

import type { Address } from "../core/address.ts";
import type { Knock } from "../core/knock.ts";
import { type HeardSource, type Hit, HitTable, type SourceHits } from "./hit-table.ts";

/**
 * Sources remembered per address family by default. A forged crowd of one family never touches the
 * other.
 */
const SOURCES = 1_024;

export class HitLog {
  readonly #startedMs: number;
  readonly #v4: HitTable;
  readonly #v6: HitTable;

  /**
   * Takes about 1.4 KB for each of `sources` of each family, and 250 KB for sources heard only
   * once.
   */
  constructor(nowMs: number, sources = SOURCES) {
    this.#startedMs = nowMs;
    this.#v4 = new HitTable(4, sources);
    this.#v6 = new HitTable(6, sources);
  }

  /** Takes one knock, inbound and to this machine. Allocates nothing. */
  note(knock: Knock): void {
    if (knock.family === 4) this.#v4.note(knock);
    else this.#v6.note(knock);
  }

  /**
   * The latest knocks of a source, oldest first; empty for a source that was never heard, or is
   * forgotten.
   */
  of(source: Address): Hit[] {
    return this.#table(source).of(source);
  }

  /**
   * The time (Unix milliseconds) since which every source of this family that knocked twice is
   * remembered.
   */
  completeSinceMs(source: Address): number {
    return Math.max(this.#startedMs, this.#table(source).completeSinceMs);
  }

  /** As `HitTable.quiet`, for both families. */
  quiet(nowMs: number, quietMs: number, least: number, most: number): SourceHits[] {
    const found = this.#v4.quiet(nowMs, quietMs, least, most);
    return [...found, ...this.#v6.quiet(nowMs, quietMs, least, most - found.length)];
  }

  /** As `HitTable.latest`, for both families. */
  latest(sinceMs: number, most: number): HeardSource[] {
    const found = [this.#v4, this.#v6].flatMap((table) => table.latest(sinceMs, most));
    return found.sort((a, b) => b.lastMs - a.lastMs).slice(0, most);
  }

  /** As `HitTable.hitting`, for both families. */
  hitting(...question: Parameters<HitTable["hitting"]>): void {
    this.#v4.hitting(...question);
    this.#v6.hitting(...question);
  }

  #table({ family }: Address): HitTable {
    return family === 4 ? this.#v4 : this.#v6;
  }
}
