/**
 * docs/config.md gives the same meaning of every key as editors and sallyport.toml(5) get, and the
 * default of the schema.
 */

import { expect, test } from "bun:test";
import { configJsonSchema, type KeySchema } from "../../../src/config/json-schema.ts";
import { type Meaning, MEANINGS } from "../../../src/config/meanings.ts";
import { DOCUMENTS } from "./documents.ts";

const text = DOCUMENTS.find(({ path }) => path === "docs/config.md")!.text;

interface Row {
  readonly standard: string;
  readonly meaning: string;
}

/** The rows of a table's section by key; links in brackets are the document's own. */
function rowsOf(table: string): Map<string, Row> {
  const heading = `\n## [${table === "door" ? "door.NAME" : table}]`;
  const section = text.slice(text.indexOf(heading) + 1).split("\n## ")[0]!;
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.map((line) => {
      const cells = line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      const meaning = cells.at(-1)!.replaceAll(/ \(\[[^\]]+\]\([^)]+\)\)/g, "");
      return [cells[0]!.replaceAll("`", ""), { standard: cells[1]!, meaning }];
    }),
  );
}

function standardOf(schema: KeySchema, { otherwise = "" }: Meaning): string {
  return schema.default === undefined ? otherwise : `\`${JSON.stringify(schema.default)}\``;
}

test.each(Object.entries(configJsonSchema().properties!))(
  "docs/config.md tells the keys of [%s] as the schema does",
  (name, table) => {
    const own = name === "door" ? (table.additionalProperties as KeySchema) : table;
    const meanings: Readonly<Record<string, Meaning>> = MEANINGS[name as keyof typeof MEANINGS];
    const told = Object.entries(own.properties!).map(([key, schema]) => {
      const meaning = meanings[key]!;
      return [key, { standard: standardOf(schema, meaning), meaning: meaning.text }] as const;
    });
    expect(Object.fromEntries(rowsOf(name))).toEqual(Object.fromEntries(told));
  },
);
