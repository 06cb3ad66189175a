/** Man pages: they contain the whole command line and schema, and man has no complaints. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { manPages } from "../../../scripts/packaging/man-pages.ts";
import { fromMarkdown } from "../../../scripts/packaging/man/markdown.ts";
import { inline, plain } from "../../../scripts/packaging/man/roff.ts";
import { allWords, flatten } from "../../../scripts/packaging/words.ts";
import { configJsonSchema, type KeySchema } from "../../../src/config/json-schema.ts";
import { run } from "../../support/programs.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const pages = manPages({
  readme: read("README.md"),
  specification: read("docs/rks.md"),
  date: "2026-01-31",
});

const folder = mkdtempSync(join(tmpdir(), "sallyport-man-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The page as a reader sees it in a window of 100 columns, and the complaints of man. */
function shown(name: string): { text: string; complaints: string } {
  const file = join(folder, name);
  writeFileSync(file, pages.find(({ path }) => basename(path) === name)!.text);
  const env = {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    MANWIDTH: "100",
    MAN_KEEP_FORMATTING: "",
  };
  const { out, err } = run(["man", "--warnings=all", "--local-file", file], { env });
  return { text: out.replaceAll("‐", "-"), complaints: err };
}

const flat = (text: string) => text.replaceAll(/\s+/g, " ");

describe("sallyport(1)", () => {
  let page: ReturnType<typeof shown>;
  beforeAll(() => {
    page = shown("sallyport.1");
  });

  test("gives man nothing to warn of", () => expect(page.complaints).toBe(""));

  test("has every command, argument and option, with what help says of it", () => {
    const text = flat(page.text);
    for (const words of flatten(allWords()).filter(({ commands }) => commands.length === 0)) {
      expect(text).toContain(`sallyport ${words.path}`);
      expect(text).toContain(flat(words.description));
      for (const { term, description } of [...words.arguments, ...words.options]) {
        if (term.includes("--help")) continue;
        expect(text).toContain(term);
        expect(text).toContain(flat(description).slice(0, 40));
      }
    }
  });

  test("shows the examples of help as they are typed", () => {
    expect(page.text).toMatch(/^ +sallyport user add alice --device laptop --host gate\.example$/m);
    expect(page.text).toMatch(/^ +sallyport knock home && ssh gate {5}connect once it is open$/m);
  });
});

describe("sallyport.toml(5)", () => {
  let page: ReturnType<typeof shown>;
  beforeAll(() => {
    page = shown("sallyport.toml.5");
  });

  test("gives man nothing to warn of", () => expect(page.complaints).toBe(""));

  test("has every table and key of the schema, with its default", () => {
    const tables = Object.entries(configJsonSchema().properties!);
    expect(tables.map(([name]) => name)).toEqual([
      "server",
      "knock",
      "door",
      "guard",
      "api",
      "alarm",
    ]);
    const text = page.text;
    for (const [name, table] of tables) {
      const doors = table.additionalProperties as KeySchema | false;
      const own = name === "door" ? (doors as KeySchema) : table;
      const from = text.indexOf(name === "door" ? "\n[door.NAME]\n" : `\n[${name}]\n`);
      expect(from).toBeGreaterThan(0);
      for (const [key, schema] of Object.entries(own.properties!)) {
        const at = text.slice(from).search(new RegExp(`^ +${key}\\b`, "m"));
        expect([name, key, at]).toEqual([name, key, expect.any(Number)]);
        expect(at).toBeGreaterThan(0);

        if (typeof schema.default === "string")
          expect(flat(text.slice(from + at))).toContain(`Default: "${schema.default}"`);
      }
    }
  });
});

test("rks1(7) is docs/rks.md, and gives man nothing to warn of", () => {
  const { text, complaints } = shown("rks1.7");
  expect(complaints).toBe("");
  for (const [, heading = ""] of read("docs/rks.md").matchAll(/^## (.+)$/gm)) {
    expect(text).toContain(`\n${heading.toUpperCase()}\n`);
  }
  expect(flat(text)).toContain(
    'block(i) = HMAC-SHA-256(K, "RKS1" 00 "ports" 00 door 00 u64(slot) u32(i))',
  );
  expect(flat(text)).toContain(
    "skew slots accepted before and after the server's own. Default: 1. Allowed: 0–2.",
  );
});

describe("plain() and inline()", () => {
  test("leave nothing to roff that it would take for its own", () => {
    expect(plain(".so /etc/passwd\n'x \\fB -a ~^`")).toBe(
      "\\&.so /etc/passwd\n\\(aqx \\efB \\-a \\(ti\\(ha\\(ga",
    );
    expect(inline("a `b-c` **d** [e](f.md)")).toBe("a \\fBb\\-c\\fR \\fBd\\fR e");
  });
});

test("fromMarkdown() tells a row under its first cell, and keeps points apart", () => {
  expect(
    fromMarkdown(
      "# T\n\n| a | meaning | default |\n|---|---|---|\n| `k` | what | `1` |\n\n1. one\n   more\n2. two\n",
    ),
  ).toEqual([".TP\n\\fBk\\fR\nwhat. Default: \\fB1\\fR.", ".IP 1. 4\none more", ".IP 2. 4\ntwo"]);
});
