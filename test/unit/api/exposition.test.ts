/** The exposition against a strict reader, and the reader against broken text. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseExposition } from "./parse-exposition.ts";
import { renderMetrics } from "../../../src/api/exposition.ts";

test("renderMetrics() writes HELP, TYPE and samples, with help and labels escaped", () => {
  const text = renderMetrics([
    {
      type: "gauge",
      name: "doors",
      help: "One \\ two\nthree.",
      samples: [{ value: 1.5, labels: { name: 'a"b\\c\nd', kind: "x" } }, { value: Infinity }],
    },
  ]);
  expect(text).toBe(
    [
      String.raw`# HELP doors One \\ two\nthree.`,
      "# TYPE doors gauge",
      String.raw`doors{name="a\"b\\c\nd",kind="x"} 1.5`,
      "doors +Inf",
      "",
    ].join("\n"),
  );
  expect(parseExposition(text).get("doors")?.samples.size).toBe(2);
});

test("renderMetrics() accumulates the buckets of a histogram and counts them all", () => {
  const text = renderMetrics([
    {
      type: "histogram",
      name: "wait_seconds",
      help: "Waiting.",
      bounds: [0.1, 1],
      buckets: [3, 0, 2],
      sum: 7.5,
    },
  ]);
  expect(text.split("\n").slice(2)).toEqual([
    'wait_seconds_bucket{le="0.1"} 3',
    'wait_seconds_bucket{le="1"} 3',
    'wait_seconds_bucket{le="+Inf"} 5',
    "wait_seconds_sum 7.5",
    "wait_seconds_count 5",
    "",
  ]);
});

test("renderMetrics() is read back by a strict parser, whatever the labels and numbers", () => {
  const value = fc.double({ noNaN: true });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: "binary" }), { minLength: 1 }),
      fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      value,
      (labels, buckets, number) => {
        const families = parseExposition(
          renderMetrics([
            {
              type: "gauge",
              name: "g",
              help: "G.",
              samples: labels.map((label) => ({ value: number, labels: { label } })),
            },
            { type: "histogram", name: "h", help: "H.", bounds: [1, 2], buckets, sum: 1 },
          ]),
        );
        expect([...families.get("g")!.samples.values()]).toEqual(
          labels.map(() => (number === 0 ? 0 : number)),
        );
        expect(families.get("h")!.samples.get("h_count")).toBe(
          buckets[0]! + buckets[1]! + buckets[2]!,
        );
      },
    ),
  );
});

test.each([
  ["an unfinished last line", "# HELP a A.\n# TYPE a gauge\na 1"],
  ["a sample without HELP", "a 1\n"],
  ["HELP without TYPE", "# HELP a A.\na 1\n"],
  ["a family twice", "# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n# TYPE a gauge\na 2\n"],
  ["a series twice", '# HELP a A.\n# TYPE a gauge\na{b="c"} 1\na{b="c"} 2\n'],
  ["a value that is none", "# HELP a A.\n# TYPE a gauge\na x\n"],
  ["a counter not called _total", "# HELP a A.\n# TYPE a counter\na 1\n"],
  ["an unescaped quote", '# HELP a A.\n# TYPE a gauge\na{b="c"d"} 1\n'],
  ["a family without samples", "# HELP a A.\n# TYPE a gauge\n"],
  [
    "buckets that fall",
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
  ],
  [
    "a count that differs",
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
  ],
  ["no +Inf", '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'],
])("parseExposition() refuses %s", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
