/** What is remembered of the sources in one knock space. It outlives a plan whose terms stay. */

import { type KnockSpace, spaceKey } from "../rks/space.ts";
import { RecentPorts } from "./recent-ports.ts";
import { type SourceLimits, SourceTable } from "./source-table.ts";

/** The sources of one address family, and the ports that they hit. */
export interface Sources {
  readonly table: SourceTable;
  readonly recent: RecentPorts;
}

export class SpaceSources {
  readonly v4: Sources;
  readonly v6: Sources;
  /** As `keyOf` returns it. */
  readonly key: string;

  constructor(space: KnockSpace, limits: SourceLimits) {
    this.key = SpaceSources.keyOf(space, limits);
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

  /** Equal where the sources of one space may go on in another: equal terms, and as much room. */
  static keyOf(space: KnockSpace, { capacity, perPrefix64 }: SourceLimits): string {
    return `${spaceKey(space)} ${capacity} ${perPrefix64}`;
  }
}

/** `k`: how many distinct ports are remembered of a source, at most as many as the range has. */
function recentLength({ lo, hi, ports, slack }: KnockSpace): number {
  return Math.min(ports + slack, hi - lo + 1);
}
