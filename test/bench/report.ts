/** The table of a measure on the terminal. */

import type { Measure, Row, Target } from "./measure.ts";
import type { Outcome } from "./result.ts";

/** Columns of all rows, in order of first appearance. */
export function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
}

/** The ratio of this figure to sallyport's under the same condition. */
export function ratio(row: Row, rows: readonly Row[], figure: string): number | undefined {
  const ours = rows.find(
    ({ contestant, condition }) => contestant === "sallyport" && condition === row.condition,
  );
  const mine = row.figures[figure];
  const theirs = ours?.figures[figure];
  return mine === undefined || theirs === undefined || theirs === 0 ? undefined : mine / theirs;
}

/** Whether a row meets the project's target; undefined where there is no target or figure. */
export function verdict(row: Row, target: Target): boolean | undefined {
  const value = row.figures[target.figure];
  if (value === undefined) return undefined;
  return value <= (target.atMost ?? Infinity) && value >= (target.atLeast ?? -Infinity);
}

function targetLine(target: Target, rows: readonly Row[]): string {
  const row = rows.find(
    (found) => found.contestant === target.contestant && found.condition === target.condition,
  );
  const held = row === undefined ? undefined : verdict(row, target);
  const bound =
    target.atMost === undefined ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
  const said = held === undefined ? "not measured" : held ? "met" : "MISSED";
  const value = row?.figures[target.figure] ?? "–";
  return `  ${said.padEnd(12)} ${target.contestant}, ${target.condition}: ${target.figure} ${value}, ${bound}`;
}

function tableRow(row: Row, columns: readonly string[], { compare }: Measure, all: readonly Row[]) {
  const times = compare === undefined ? undefined : ratio(row, all, compare);
  return {
    condition: row.condition,
    contestant: row.contestant,
    ...Object.fromEntries(columns.map((column) => [column, row.figures[column] ?? "–"])),
    ...(compare === undefined
      ? {}
      : { [`× (${compare})`]: times === undefined ? "–" : Number(times.toPrecision(3)) }),
  };
}

/** Prints a measure's table, the notes on its rows, and the verdict. */
export function printOutcome(measure: Measure, { rows, seconds }: Outcome): void {
  console.log(`\n${measure.id} ${measure.title}: ${measure.how} (${seconds.toFixed(0)} s)`);
  const columns = columnsOf(rows);
  const table = rows.map((row) => tableRow(row, columns, measure, rows));
  console.log(Bun.inspect.table(table, { colors: process.stdout.isTTY }).trimEnd());
  for (const { contestant, condition, note } of rows) {
    if (note !== undefined) console.log(`  ${contestant}, ${condition}: ${note}`);
  }
  for (const target of measure.targets) console.log(targetLine(target, rows));
}
