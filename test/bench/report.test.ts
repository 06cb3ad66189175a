/** Figures, ratios, verdicts and the chart, from rows made up for the purpose. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { drawChart } from "./chart.ts";
import { median, quantile } from "./figures.ts";
import { renderMarkdown } from "./markdown.ts";
import type { Row } from "./measure.ts";
import { ratio, verdict } from "./report.ts";
import type { Outcome, Result } from "./result.ts";

const ours: Row = {
  contestant: "sallyport",
  condition: "idle",
  figures: { medianMs: 0.2, p99Ms: 1, openedPercent: 100 },
};
const theirs: Row = {
  contestant: "knockd",
  condition: "idle",
  figures: { medianMs: 30, p99Ms: 50, openedPercent: 100 },
};

test("quantile() takes the nearest rank, and NaN of nothing", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([quantile(values, 0.99), median(values), quantile([7], 0.99)]).toEqual([99, 50, 7]);
  expect(median([])).toBeNaN();
});

test("ratio() compares with sallyport under the same condition only", () => {
  const flooded: Row = { ...theirs, condition: "flood" };
  expect(ratio(theirs, [ours, theirs], "medianMs")).toBe(150);
  expect(ratio(flooded, [ours, flooded], "medianMs")).toBeUndefined();
});

test("verdict() holds a row against both bounds, and knows nothing of a figure that is missing", () => {
  const target = { contestant: "sallyport", condition: "idle", figure: "medianMs" } as const;
  expect(verdict(ours, { ...target, atMost: 0.25 })).toBe(true);
  expect(verdict(ours, { ...target, atMost: 0.1 })).toBe(false);
  expect(verdict(ours, { ...target, figure: "openedPercent", atLeast: 100 })).toBe(true);
  expect(verdict({ ...ours, figures: {} }, { ...target, atMost: 1 })).toBeUndefined();
});

function resultOf(measures: readonly Pick<Outcome, "id" | "rows">[]): Result {
  return {
    at: "2026-01-01T00:00:00.000Z",
    quick: true,
    seconds: 1,
    machine: { processor: "a & b", cores: 2, memoryGiB: 4, kernel: "6.1" },
    contestants: [
      { name: "sallyport", title: "sallyport", settings: "" },
      { name: "knockd", title: "knockd 0.8", settings: "" },
      { name: "nft", title: "nftables alone", settings: "" },
    ],
    measures: measures.map((measure) => ({ title: "", how: "", seconds: 1, at: "", ...measure })),
  };
}

test("drawChart() draws longer bars for more time, and says of whom nobody gets in", () => {
  const shut: Row = { contestant: "knockd", condition: "worst", figures: { openedPercent: 0 } };
  const mild: Row = { ...theirs, condition: "mild" };
  const svg = drawChart(
    resultOf([
      { id: "B1", rows: [ours, theirs] },
      { id: "B3", rows: [mild, shut] },
    ]),
  );
  const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="11" rx="2" class="idle"/g)]
    .map(([, width]) => Number(width))
    .filter((width) => width > 11);
  expect(widths).toHaveLength(2);
  expect(widths[1]!).toBeGreaterThan(widths[0]!);
  expect(svg).toContain(">200 µs<");
  expect(svg).toContain(">30 ms<");
  expect(svg.match(/nobody gets in/g)).toHaveLength(1);
  expect(svg).toContain("a &amp; b");
  expect(svg).not.toContain("nftables alone");
});

test("renderMarkdown() makes a table a measure, with a cell for every figure of any row", () => {
  const noted: Row = { contestant: "nft", condition: "idle", figures: {}, note: "no user space" };
  const text = renderMarkdown(
    resultOf([
      { id: "B4", rows: [{ ...ours, figures: { a: 1 } }, { ...theirs, figures: { b: 2 } }, noted] },
    ]),
  );
  expect(text).toContain("| condition | contestant | a | b |");
  expect(text).toContain("| idle | sallyport | 1 |  |");
  expect(text).toContain("| idle | knockd |  | 2 |");
  expect(text).toContain("- nft, idle: no user space");
});

test("docs/bench.svg is drawn from docs/bench.json, which is of no quick run", () => {
  const docs = new URL("../../docs/", import.meta.url);
  const result = JSON.parse(readFileSync(new URL("bench.json", docs), "utf8")) as Result;
  expect(readFileSync(new URL("bench.svg", docs), "utf8")).toBe(drawChart(result));
  expect(result.quick).toBe(false);
});
