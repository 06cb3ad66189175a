/** Whether a curve is flat: the last quarter of a run beside its second one. The first fills tables of a fixed size. */

import { median } from "../bench/figures.ts";

export interface Trend {
  /** Medians of the second and of the last quarter. */
  readonly before: number;
  readonly after: number;
  readonly grown: number;
}

const QUARTERS = 4;

/** A value that is no number was not measured. NaN where there are fewer values than quarters. */
export function trendOf(measured: readonly number[]): Trend {
  const values = measured.filter(Number.isFinite);
  const quarter = (n: number) =>
    median(
      values.slice(
        Math.floor((n * values.length) / QUARTERS),
        Math.floor(((n + 1) * values.length) / QUARTERS),
      ),
    );
  const [before, after] = [quarter(1), quarter(QUARTERS - 1)];
  return { before, after, grown: after - before };
}
