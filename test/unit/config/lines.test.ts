/** The line of a value in a TOML text. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { stringify } from "smol-toml";
import { lineFinder } from "../../../src/config/lines.ts";
import type { Path } from "../../../src/config/mistake.ts";

const TEXT = `# comment with [brackets] and "quotes"
title = "x" # [not.a.table]

[a]
list = [ # open
  "one", # "]"

  "two]", "three",
  [ "inner",
    "deep" ],
]
text = """
[not.a.table]
key = 1
"""
after = 1

[a.b.c]
x = { y = [
  1,
  2 ], z = 3 }
[q."dotted.key"]
'single' = '''
]'''
d.e.f = 1
d.e.g = 2
last = 1`;

const LINES: [Path, number][] = [
  [[], 1],
  [["title"], 2],
  [["a"], 4],
  [["a", "missing"], 4],
  [["a", "list"], 5],
  [["a", "list", 0], 6],
  [["a", "list", 1], 8],
  [["a", "list", 2], 8],
  [["a", "list", 3], 9],
  [["a", "list", 3, 0], 9],
  [["a", "list", 3, 1], 10],
  [["a", "text"], 12],
  [["a", "after"], 16],
  [["a", "b"], 18],
  [["a", "b", "c"], 18],
  [["a", "b", "c", "x"], 19],
  [["a", "b", "c", "x", "y"], 19],
  [["a", "b", "c", "x", "y", 0], 20],
  [["a", "b", "c", "x", "y", 1], 21],
  [["a", "b", "c", "x", "z"], 21],
  [["a", "b", "c", "nothing", "there"], 18],
  [["q", "dotted.key"], 22],
  [["q", "dotted.key", "single"], 23],
  [["q", "dotted.key", "d"], 25],
  [["q", "dotted.key", "d", "e", "g"], 26],
  [["q", "dotted.key", "last"], 27],
  [["nothing"], 1],
];

test.each(LINES)("lineFinder() finds %j on line %i", (path, line) => {
  expect(lineFinder(TEXT)(path)).toBe(line);
  expect(lineFinder(TEXT.replaceAll("\n", "\r\n"))(path)).toBe(line);
});

test("lineFinder() finds every key of any table on the line that begins with it", () => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.string()));
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  const table = fc.dictionary(word, fc.dictionary(word, leaf, { maxKeys: 5 }), { maxKeys: 5 });
  fc.assert(
    fc.property(table, (value) => {
      const toml = stringify(value);
      const lineOf = lineFinder(toml);
      for (const [name, inner] of Object.entries(value)) {
        for (const key of Object.keys(inner)) {
          const lines = toml.split("\n");
          const line = lineOf([name, key]);
          expect(lines[line - 1]).toStartWith(`${key} = `);
          expect(lines.slice(0, line).findLast((text) => text.startsWith("["))).toBe(`[${name}]`);
        }
      }
    }),
  );
});

test("lineFinder() stays quick with a list of ten thousand lines", () => {
  const toml = `[a]\nb = [\n${'"x",\n'.repeat(10_000)}]\nc = 1\n`;
  const began = performance.now();
  expect(lineFinder(toml)(["a", "c"])).toBe(10_004);
  expect(performance.now() - began).toBeLessThan(5_000);
});
