/**
 * Runs the measures one after the other and shows what came out:
 *
 *     bun test/bench/run.ts [--quick] [--json FILE] [--svg FILE] [MEASURE…]
 *
 * `--quick` takes tiny counts of everything. Measures are B1 to B11; none means all.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CONTESTANTS } from "./contestants.ts";
import { MEASURES } from "./measures.ts";
import type { Measure } from "./measure.ts";
import { drawChart } from "./chart.ts";
import { describeMachine, type Outcome, type Result } from "./result.ts";
import { printOutcome } from "./report.ts";

function wantedMeasures(ids: readonly string[]): readonly Measure[] {
  const unknown = ids.find((id) => !MEASURES.some((measure) => measure.id === id));
  if (unknown !== undefined) {
    const known = MEASURES.map(({ id }) => id).join(", ");
    console.error(
      `scripts/bench: no measure "${unknown}": write some of ${known}, or none for all`,
    );
    process.exit(64);
  }
  return ids.length === 0 ? MEASURES : MEASURES.filter(({ id }) => ids.includes(id));
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "string" },
        svg: { type: "string" },
      },
    });
  } catch (error) {
    console.error(`scripts/bench: ${(error as Error).message}`);
    process.exit(64);
  }
}

const { values, positionals } = readArguments();
const began = performance.now();
const outcomes: Outcome[] = [];
for (const measure of wantedMeasures(positionals)) {
  const log = (sentence: string) => console.error(`${measure.id}: ${sentence}`);
  const startMs = performance.now();
  const rows = await measure.measure({ quick: values.quick, contestants: CONTESTANTS, log });
  const { id, title, how } = measure;
  const outcome = { id, title, how, rows, seconds: (performance.now() - startMs) / 1_000 };
  outcomes.push(outcome);
  printOutcome(measure, outcome);
}
const result: Result = {
  at: new Date().toISOString(),
  quick: values.quick,
  seconds: (performance.now() - began) / 1_000,
  machine: describeMachine(),
  contestants: CONTESTANTS.map(({ name, title, settings }) => ({ name, title, settings })),
  measures: outcomes,
};
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
if (values.svg !== undefined) writeFileSync(values.svg, drawChart(result));
console.log(`${outcomes.length} measures in ${Math.round(result.seconds)} s`);
process.exit(0);
