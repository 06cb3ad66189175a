/**
 * Runs the measures one after the other and shows what came out:
 *
 *     bun test/bench/run.ts [--quick] [--json FILE] [--svg FILE] [--markdown FILE] [--from FILE] [--variant FILE] [MEASURE…]
 *
 * `--quick` takes tiny counts of everything; `--from` draws from the JSON of an earlier run and measures nothing.
 * `--variant` measures sallyport beside another build of it, in turns, and leaves the peers out.
 * Measures are B1 to B11; none means all.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Contestant } from "./contestant.ts";
import { CONTESTANTS } from "./contestants.ts";
import { sallyport, variantOf } from "./contestants/sallyport.ts";
import { MEASURES } from "./measures.ts";
import type { Measure } from "./measure.ts";
import { drawChart } from "./chart.ts";
import { renderMarkdown } from "./markdown.ts";
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
        markdown: { type: "string" },
        from: { type: "string" },
        variant: { type: "string" },
      },
    });
  } catch (error) {
    console.error(`scripts/bench: ${(error as Error).message}`);
    process.exit(64);
  }
}

/** The rows of an earlier measurement, or undefined where it must be measured now. */
function earlier(file: string | undefined): Result | undefined {
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, "utf8")) as Result);
}

/**
 * `keep` receives the result so far after each measure, so that a run that ends early still has
 * results.
 */
async function measureAll(
  measures: readonly Measure[],
  contestants: readonly Contestant[],
  quick: boolean,
  keep: (result: Result) => void,
): Promise<Result> {
  const began = performance.now();
  const soFar = (): Result => ({
    at: new Date().toISOString(),
    quick,
    seconds: (performance.now() - began) / 1_000,
    machine: describeMachine(),
    contestants: contestants.map(({ name, title, settings }) => ({ name, title, settings })),
    measures: outcomes,
  });
  const outcomes: Outcome[] = [];
  for (const measure of measures) {
    const log = (sentence: string) => console.error(`${measure.id}: ${sentence}`);
    const startMs = performance.now();
    const rows = await measure.measure({ quick, contestants, log });
    const { id, title, how } = measure;
    const seconds = (performance.now() - startMs) / 1_000;
    const outcome = { id, title, how, rows, seconds, at: new Date().toISOString() };
    outcomes.push(outcome);
    printOutcome(measure, outcome);
    keep(soFar());
  }
  return soFar();
}

const { values, positionals } = readArguments();

function writeResult(result: Result): void {
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  }
  if (values.svg !== undefined) writeFileSync(values.svg, drawChart(result));
  if (values.markdown !== undefined) writeFileSync(values.markdown, renderMarkdown(result));
}

const contestants =
  values.variant === undefined ? CONTESTANTS : [sallyport, variantOf(values.variant)];
const result =
  earlier(values.from) ??
  (await measureAll(wantedMeasures(positionals), contestants, values.quick, writeResult));
writeResult(result);
console.log(`${result.measures.length} measures in ${Math.round(result.seconds)} s`);
process.exit(0);
