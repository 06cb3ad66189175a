/**
 * `scripts/simulate --mutations`: puts every bug of `mutations.ts` into the code, and tells which are
 * found; `--docs` writes that into docs/simulation.md.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTATIONS } from "./mutations.ts";
import { type Hunt, hunt } from "./seeded-bugs.ts";

const { values } = parseArgs({
  options: {
    /** Seconds of the processor's time for each bug. */
    seconds: { type: "string", default: "60" },
    /** Only bugs with these words in their name. */
    only: { type: "string", default: "" },
    /** Leaves out so many bugs of the list. */
    skip: { type: "string", default: "0" },
    docs: { type: "boolean", default: false },
  },
});

const DOCS = join(import.meta.dir, "../../docs/simulation.md");
const BEGIN = "<!-- scripts/simulate --mutations --docs -->\n";
const END = "<!-- end -->\n";

const rows: string[] = [];
const missed: string[] = [];
const chosen = MUTATIONS.slice(Number(values.skip)).filter(({ name }) =>
  name.includes(values.only),
);
for (const { name } of chosen) {
  const found = hunt(name, Number(values.seconds));
  rows.push(rowOf(name, found));
  console.log(rows.at(-1));
  if (found.promise !== undefined) continue;
  missed.push(name);
  console.log(found.output.slice(-400));
}
console.log(`${chosen.length - missed.length} of ${chosen.length} found`);
if (values.docs) writeTable();
process.exit(missed.length === 0 ? 0 : 1);

function rowOf(name: string, { promise, seed, seconds }: Hunt): string {
  const outcome = promise ?? `not found in ${values.seconds} s`;
  return `| ${name} | ${outcome} | ${seed ?? ""} | ${promise === undefined ? "" : seconds.toFixed(1)} |`;
}

function writeTable(): void {
  const text = readFileSync(DOCS, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const after = rest.split(END)[1] ?? "";
  const head = "| bug | broken promise | seed | s |\n|---|---|---|---|\n";
  const table = `${head}${rows.join("\n")}\n`;
  writeFileSync(DOCS, `${before}${BEGIN}${table}${END}${after}`);
}
