/** The curves of a day: what is drawn, and how flat each must be. */

import { quantile } from "../bench/figures.ts";
import type { Day, Sample } from "./day.ts";
import { type Trend, trendOf } from "./trend.ts";

export interface Curve {
  readonly title: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The most by which the last quarter may exceed the third, in the unit; Infinity where it only tells. */
  readonly mayGrow: number;
}

export interface Judged extends Curve, Trend {
  readonly flat: boolean;
}

const MB = 1e6;

function openingMs({ opened }: Sample, q: number): number {
  return (
    quantile(
      opened.flatMap(({ us }) => us ?? []),
      q,
    ) / 1_000
  );
}

/** A moment in which a program has flushed the table is no measure of its size. */
function ofTable(samples: readonly Sample[], count: (sample: Sample) => number): number[] {
  return samples.filter(({ rules }) => rules > 0).map(count);
}

/** CPU of each span between two samples, in milliseconds a second. */
function cpuOf(samples: readonly Sample[]): number[] {
  return samples.slice(1).map(({ cpuNs, atSeconds }, i) => {
    const before = samples[i]!;
    return (cpuNs - before.cpuNs) / 1e6 / (atSeconds - before.atSeconds);
  });
}

export function curvesOf({ samples }: Day): Judged[] {
  const of = (value: (sample: Sample) => number) => samples.map(value);
  const curves: Curve[] = [
    { title: "Memory of its own", unit: "MB", values: of((s) => s.anonymous / MB), mayGrow: 2 },
    {
      title: "Of it, compiled code",
      unit: "MB",
      values: of((s) => s.compiled / MB),
      mayGrow: Infinity,
    },
    { title: "Resident", unit: "MB", values: of((s) => s.rss / MB), mayGrow: 4 },
    { title: "Descriptors", unit: "", values: of((s) => s.descriptors), mayGrow: 2 },
    { title: "Threads", unit: "", values: of((s) => s.threads), mayGrow: 1 },
    {
      title: "Rules and sets of the guard",
      unit: "",
      values: ofTable(samples, (s) => s.rules + s.sets),
      mayGrow: 0,
    },
    {
      title: "Elements of these sets",
      unit: "",
      values: ofTable(samples, (s) => s.elements),
      mayGrow: 40,
    },
    { title: "Databases", unit: "MB", values: of((s) => s.databases / MB), mayGrow: Infinity },
    {
      title: "Time to open, median",
      unit: "ms",
      values: of((s) => openingMs(s, 0.5)),
      mayGrow: 0.5,
    },
    {
      title: "Time to open, 99th percentile",
      unit: "ms",
      values: of((s) => openingMs(s, 0.99)),
      mayGrow: Infinity,
    },
    { title: "CPU", unit: "ms a second", values: cpuOf(samples), mayGrow: Infinity },
  ];
  return curves.map((curve) => {
    const trend = trendOf(curve.values);
    return { ...curve, ...trend, flat: !(trend.grown > curve.mayGrow) };
  });
}
