/** What a measure is, and what comes out of it. */

import type { Contestant, ContestantName } from "./contestant.ts";

/** One line of a result: one contestant under one condition. */
export interface Row {
  readonly contestant: ContestantName;
  /** "idle", "10,000 grants": a measure has one line a contestant for each. */
  readonly condition: string;
  /** The unit ends the name: medianMs, openedOf100, cpuUsPerPacket. */
  readonly figures: Readonly<Record<string, number>>;
  /** What a figure cannot say, or why there is none. */
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
  /** Says on standard error what is being done. */
  log(sentence: string): void;
}

export interface Measure {
  readonly id: `B${number}`;
  readonly title: string;
  /** How it is measured, in a sentence or two. */
  readonly how: string;
  /** The figure that ratios to sallyport are made of, where there is one. */
  readonly compare?: string;
  /** Where the project says it must stand. */
  readonly targets: readonly Target[];
  measure(bench: Bench): Promise<Row[]>;
}
