/** The JSON that a run leaves. */

import { cpus, release, totalmem } from "node:os";
import type { Contestant } from "./contestant.ts";
import type { Measure, Row } from "./measure.ts";

export interface Outcome extends Pick<Measure, "id" | "title" | "how"> {
  readonly rows: readonly Row[];
  readonly seconds: number;
  /** When the measure ended, ISO 8601. */
  readonly at: string;
}

export interface Result {
  /** When the run ended, ISO 8601. */
  readonly at: string;
  readonly quick: boolean;
  readonly seconds: number;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly kernel: string;
  };
  readonly contestants: readonly Pick<Contestant, "name" | "title" | "settings">[];
  readonly measures: readonly Outcome[];
}

export function describeMachine(): Result["machine"] {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().split("-")[0]!,
  };
}
