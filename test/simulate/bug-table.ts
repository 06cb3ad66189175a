/** The table of docs/simulation.md: which bug broke which promise in which story, a row each. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MUTATIONS } from "./mutations.ts";

const DOCS = join(import.meta.dir, "../../docs/simulation.md");
const BEGIN = "<!-- scripts/simulate --mutations --docs -->\n";
const END = "<!-- end -->\n";
const HEAD = "| bug | broken promise | seed | s |\n|---|---|---|---|\n";

/** The rows by the name of their bug. */
export function readRows(): Map<string, string> {
  const table = readFileSync(DOCS, "utf8").split(BEGIN)[1]!.split(END)[0]!;
  return new Map(table.split("\n").map((row) => [cellsOf(row)[0] ?? "", row]));
}

/** The story that broke a promise by this bug; undefined where none did. */
export function seedOf(bug: string): number | undefined {
  const seed = Number(cellsOf(readRows().get(bug) ?? "")[2]);
  return seed > 0 ? seed : undefined;
}

/** Puts these rows into the table; those of other bugs stay. */
export function writeRows(rows: ReadonlyMap<string, string>): void {
  const before = readRows();
  const all = MUTATIONS.map(
    ({ name }) => rows.get(name) ?? before.get(name) ?? `| ${name} | not run | | |`,
  );
  const [head = "", rest = ""] = readFileSync(DOCS, "utf8").split(BEGIN);
  const tail = rest.split(END)[1] ?? "";
  writeFileSync(DOCS, `${head}${BEGIN}${HEAD}${all.join("\n")}\n${END}${tail}`);
}

function cellsOf(row: string): string[] {
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}
