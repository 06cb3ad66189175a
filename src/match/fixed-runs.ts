/** What is remembered of the sources that began a fixed sequence. It outlives a plan whose sequences stay. */

import { knockKeys } from "../core/fixed-sequence.ts";
import { type SourceLimits, SourceTable } from "./source-table.ts";
import type { FixedSubject } from "./subject.ts";

/** The runs of the sources of one address family; a source is tagged with the subject's index. */
export interface Runs {
  readonly table: SourceTable;
  /** `stride` starts for each source. */
  readonly starts: Float64Array;
}

export class FixedRuns {
  readonly v4: Runs;
  readonly v6: Runs;
  /** Starts kept for each source: one for each proper prefix of the longest sequence. */
  readonly stride: number;
  /** As `keyOf` returns it. */
  readonly key: string;

  constructor(subjects: readonly FixedSubject[], limits: SourceLimits) {
    this.stride = startsPerSource(subjects);
    this.key = FixedRuns.keyOf(subjects, limits);
    const runs = (family: 4 | 6) => ({
      table: new SourceTable(family, limits),
      starts: new Float64Array(limits.capacity * this.stride),
    });
    this.v4 = runs(4);
    this.v6 = runs(6);
  }

  /** Bytes for each source of one family, beside those of its table. */
  static bytesPerSource(subjects: readonly FixedSubject[]): number {
    return startsPerSource(subjects) * Float64Array.BYTES_PER_ELEMENT;
  }

  /** Equal where runs may go on with other subjects: the same sequences of the same doors in this order, and as much room. */
  static keyOf(subjects: readonly FixedSubject[], { capacity, perPrefix64 }: SourceLimits): string {
    const sequences = subjects.map(({ door, action, sequence }) =>
      [door, action, sequence.timeoutMs, ...knockKeys(sequence)].join(" "),
    );
    return [...sequences, capacity, perPrefix64].join("\n");
  }
}

function startsPerSource(subjects: readonly FixedSubject[]): number {
  return Math.max(1, ...subjects.map(({ sequence }) => sequence.knocks.length - 1));
}
