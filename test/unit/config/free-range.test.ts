/** A range without the ports of services, as near to the present one as possible. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { freeRange } from "../../../src/config/free-range.ts";

const DEFAULT = { lo: 20_000, hi: 52_767 };

test.each([
  [[], DEFAULT],
  [[80, 7_000], DEFAULT],
  [[25_565], { lo: 25_566, hi: 58_333 }],
  [[51_820], { lo: 19_052, hi: 51_819 }],
  [[25_565, 51_820], { lo: 25_566, hi: 51_819 }],
  [[30_000, 40_000], { lo: 40_001, hi: 65_535 }],
  [[20_000, 30_000, 40_000, 50_000], undefined],
])("freeRange() without %j is %j", (taken, range) => {
  expect(freeRange(DEFAULT, taken)).toEqual(range);
});

test("freeRange() holds none of the ports, and never widens", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.tuple(port, port), fc.array(port, { maxLength: 12 }), ([a, b], taken) => {
      const present = { lo: Math.min(a, b), hi: Math.max(a, b) };
      const found = freeRange(present, taken);
      if (found === undefined) return;
      const width = (range: typeof present) => range.hi - range.lo + 1;
      expect(taken.filter((one) => found.lo <= one && one <= found.hi)).toEqual([]);
      expect(width(found)).toBeLessThanOrEqual(width(present));
      expect(width(found)).toBeGreaterThanOrEqual(width(present) / 2);
      expect(found.lo).toBeGreaterThanOrEqual(10_000);
    }),
  );
});
