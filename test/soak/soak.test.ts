/** The verdict over curves made up for the purpose, and a day of seconds against the real daemon. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { curvesOf } from "./curves.ts";
import { type Day, liveThrough, type Sample } from "./day.ts";
import { drawCurves } from "./draw.ts";
import { pageOf } from "./page.ts";
import { trendOf } from "./trend.ts";

setDefaultTimeout(60_000);

const SAMPLE: Sample = {
  atSeconds: 1,
  rss: 80e6,
  anonymous: 40e6,
  compiled: 3e6,
  file: 40e6,
  descriptors: 40,
  threads: 12,
  rules: 60,
  sets: 20,
  elements: 5,
  tracked: 3,
  databases: 1e6,
  cpuNs: 1e6,
  opened: [{ source: "10.64.0.1", us: 200, upperUs: 250 }],
};

function dayOf(change: (n: number) => Partial<Sample>): Day {
  const samples = Array.from({ length: 40 }, (_, n) => ({ ...SAMPLE, atSeconds: n, ...change(n) }));
  return { samples, framesSent: 1_000, done: new Map([["status read", 40]]), missed: 0 };
}

const grown = (day: Day) => curvesOf(day).flatMap(({ flat, title }) => (flat ? [] : [title]));

test("trendOf() compares the last quarter with the third", () => {
  expect(trendOf([9, 1, NaN, 2, 5])).toEqual({ quarters: [9, 1, 2, 5], grown: 3 });
});

test("a run in which nothing grows is flat, also where the first two fill tables", () => {
  expect(grown(dayOf((n) => ({ anonymous: n < 20 ? 20e6 : 40e6 })))).toEqual([]);
});

test("what grows is named", () => {
  expect(grown(dayOf((n) => ({ anonymous: 40e6 + n * 0.25e6 })))).toEqual(["Memory of its own"]);
  expect(grown(dayOf((n) => ({ descriptors: 40 + n })))).toEqual(["Descriptors"]);
  expect(grown(dayOf((n) => ({ sets: 20 + n })))).toEqual(["Rules and sets of the guard"]);
});

test("a moment in which the table is flushed is no measure of it", () => {
  expect(grown(dayOf((n) => (n === 35 ? { rules: 0, sets: 0 } : {})))).toEqual([]);
});

test("the page and the picture show every curve", () => {
  const day = dayOf((n) => ({ cpuNs: n * 1e6 }));
  const curves = curvesOf(day);
  const [page, picture] = [pageOf(day, curves, "an hour"), drawCurves(curves, "an hour")];
  for (const { title } of curves) {
    expect(page).toMatch(new RegExp(`^\\| ${title}(, .+)? \\| `, "m"));
    expect(picture).toContain(`>${title}</text>`);
  }
  expect(`${page}${picture}`).not.toMatch(/NaN|undefined/);
});

test("ten seconds of a server's life leave a sample of everything, and knocks open", async () => {
  const day = await liveThrough({ minutes: 1 / 6, speed: 60, samples: 4, log: () => {} });
  expect(day.samples).toHaveLength(4);
  const { rss, anonymous, compiled, descriptors, rules, databases } = day.samples[3]!;
  for (const held of [rss, anonymous, compiled, descriptors, rules, databases, day.framesSent]) {
    expect(held).toBeGreaterThan(0);
  }
  expect(day.done.get("status read")).toBeGreaterThan(3);
  const opened = day.samples.flatMap((sample) => sample.opened);
  expect(opened.filter(({ us }) => us !== null).length).toBeGreaterThan(5);
});
