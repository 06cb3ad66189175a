/** What is remembered of the sources in one knock space. It outlives a plan whose terms stay. */

import { type KnockSpace, spaceKey } from "../rks/space.ts";
import { RecentPorts } from "./recent-ports.ts";
import { sameLimits, type SourceLimits, SourceTable } from "./source-table.ts";

/** The sources of one address family, and the ports that they hit. */
export interface Sources {
  readonly table: SourceTable;
  readonly recent: RecentPorts;
}

export class SpaceSources {
  readonly v4: Sources;
  readonly v6: Sources;
  readonly #key: string;
  readonly #limits: SourceLimits;

  constructor(space: KnockSpace, limits: SourceLimits) {
    this.#key = spaceKey(space);
    this.#limits = limits;
    const sources = (family: 4 | 6) => ({
      table: new SourceTable(family, limits),
      recent: new RecentPorts(limits.capacity, recentLength(space), space.windowSeconds * 1_000),
    });
    this.v4 = sources(4);
    this.v6 = sources(6);
  }

  /** Bytes for each source of one family, beside those of its table. */
  static bytesPerSource(space: KnockSpace): number {
    return RecentPorts.bytesPerSource(recentLength(space));
  }

  /** Whether these are the sources of a space with the same terms, under the same limits. */
  fits(space: KnockSpace, limits: SourceLimits): boolean {
    return this.#key === spaceKey(space) && sameLimits(this.#limits, limits);
  }
}

/** `k`: how many distinct ports are remembered of a source, at most as many as the range has. */
function recentLength({ lo, hi, ports, slack }: KnockSpace): number {
  return Math.min(ports + slack, hi - lo + 1);
}
