/** What a measure is, and its results. */

import type { Contestant, ContestantName } from "./contestant.ts";

/** One line of a result: one contestant under one condition. */
export interface Row {
  readonly contestant: ContestantName;
  /** "idle", "10,000 grants": a measure has one line a contestant for each. */
  readonly condition: string;
  /** The unit ends the name: medianMs, openedOf100, cpuUsPerPacket. */
  readonly figures: Readonly<Record<string, number>>;
  /** The limits of a figure, or why there is none. */
  readonly note?: string;
}

export interface Target {
  readonly contestant: ContestantName;
  readonly condition: string;
  readonly figure: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Bench {
  /** Tiny counts: proves that the measure works. */
  readonly quick: boolean;
  readonly contestants: readonly Contestant[];
  /** Reports progress on standard error. */
  log(sentence: string): void;
}

export interface Measure {
  readonly id: `B${number}`;
  readonly title: string;
  /** The method, in a sentence or two. */
  readonly how: string;
  /** The figure for ratios to sallyport, where there is one. */
  readonly compare?: string;
  /** The project's target. */
  readonly targets: readonly Target[];
  measure(bench: Bench): Promise<Row[]>;
}
