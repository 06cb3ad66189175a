/**
 * Whether a curve is flat: the last quarter of a run beside the third. The first two fill tables of a fixed size, and the
 * engine compiles what seldom runs.
 */

import { median } from "../bench/figures.ts";

export interface Trend {
  /** Medians, in the order of time. */
  readonly quarters: readonly [number, number, number, number];
  /** The last less the third. */
  readonly grown: number;
}

/** A value that is no number was not measured. NaN where there are fewer values than quarters. */
export function trendOf(measured: readonly number[]): Trend {
  const values = measured.filter(Number.isFinite);
  const at = (quarter: number) => Math.floor((quarter * values.length) / 4);
  const medianOf = (quarter: number) => median(values.slice(at(quarter), at(quarter + 1)));
  const quarters = [medianOf(0), medianOf(1), medianOf(2), medianOf(3)] as const;
  return { quarters, grown: quarters[3] - quarters[2] };
}
