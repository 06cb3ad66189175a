/**
 * `scripts/simulate --mutations`: puts every bug of `mutations.ts` into the code, and tells which are
 * found; `--docs` writes that into docs/simulation.md, where the rows of other bugs stay.
 */

import { numberOf, readOptions } from "./arguments.ts";
import { writeRows } from "./bug-table.ts";
import { MUTATIONS } from "./mutations.ts";
import { type Hunt, hunt } from "./seeded-bugs.ts";

const values = readOptions({
  /** Seconds of the processor's time for each bug. */
  seconds: { type: "string", default: "60" },
  /** Only bugs with these words in their name. */
  only: { type: "string", default: "" },
  /** Leaves out so many bugs of the list. */
  skip: { type: "string", default: "0" },
  /** At most so many bugs. */
  count: { type: "string", default: "Infinity" },
  docs: { type: "boolean", default: false },
});

const rows = new Map<string, string>();
const missed: string[] = [];
const from = numberOf("skip", values.skip);
const secondsEach = numberOf("seconds", values.seconds);
const chosen = MUTATIONS.slice(from, from + numberOf("count", values.count)).filter(({ name }) =>
  name.includes(values.only),
);
for (const { name } of chosen) {
  const found = hunt(name, secondsEach);
  const row = rowOf(name, found);
  rows.set(name, row);
  console.log(row);
  if (found.promise !== undefined) continue;
  missed.push(name);
  console.log(found.output.slice(-400));
}
console.log(`${chosen.length - missed.length} of ${chosen.length} found`);
if (values.docs) writeRows(rows);
process.exit(missed.length === 0 ? 0 : 1);

function rowOf(name: string, { promise, seed, seconds }: Hunt): string {
  const outcome = promise ?? `not found in ${values.seconds} s`;
  return `| ${name} | ${outcome} | ${seed ?? ""} | ${promise === undefined ? "" : seconds.toFixed(1)} |`;
}
