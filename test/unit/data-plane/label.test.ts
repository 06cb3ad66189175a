/** Labels: those that were written are read back, and no others. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatLabel, parseLabel } from "../../../src/data-plane/label.ts";

const door = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
const name = fc.stringMatching(/^[a-z0-9._-]{1,32}$/);
const holder = fc.oneof(
  fc.record({ door, via: fc.constant("rotating" as const), user: name, device: name }),
  fc.record({ door, via: fc.constantFrom("fixed" as const, "hand" as const) }),
);

test("parseLabel() reads back what formatLabel() wrote, also of users called by-hand", () => {
  fc.assert(
    fc.property(holder, (one) => {
      expect(parseLabel(formatLabel(one))).toEqual(one);
    }),
    {
      examples: [[{ door: "by-hand", via: "rotating", user: "by-hand", device: "by-sequence" }]],
    },
  );
});

test("formatLabel() stays below the 120 bytes that an element keeps, for the longest door", () => {
  const label = formatLabel({ door: "d".repeat(63), via: "hand" });
  expect(label).toHaveLength(63 + 1 + 7);
});

test.each([
  "",
  "ssh",
  "ssh alice",
  "ssh alice/",
  "ssh /laptop",
  "ssh alice/laptop/more",
  "ssh alice/laptop more",
  "added by an administrator",
])("parseLabel() takes nothing from the comment %p", (label) => {
  expect(parseLabel(label)).toBeUndefined();
});
