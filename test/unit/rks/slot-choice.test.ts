/** chooseSlot() against the rule of docs/rks.md, slot by slot. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { chooseSlot } from "../../../src/rks/slot-choice.ts";

const NEVER = undefined;

test.each([
  // present, last used, what follows
  [100, NEVER, { kind: "use", slot: 100 }, "the present slot first"],
  [100, 42, { kind: "use", slot: 100 }, "old slots do not matter"],
  [100, 99, { kind: "use", slot: 100 }, "the slot before was used ahead of its time"],
  [100, 100, { kind: "use", slot: 101 }, "a second knock goes one ahead"],
  [100, 101, { kind: "wait", until: 101 }, "a third waits: two ahead is beyond the skew"],
  [101, 101, { kind: "use", slot: 102 }, "and goes when the next slot begins"],
  [100, 102, { kind: "wait", until: 102 }, "a clock slewed back by a slot waits"],
  [100, 103, { kind: "clock", slotsAhead: 3 }, "further back, a clock was set"],
  [100, 2_980, { kind: "clock", slotsAhead: 2_880 }, "a day back"],
  [0, NEVER, { kind: "use", slot: 0 }, "the first slot of Unix time is one"],
] as const)("chooseSlot(%p, %p) answers %j: %s", (present, last, expected) => {
  expect(chooseSlot(present, last)).toEqual(expected);
});

test("chooseSlot() never answers a used or earlier slot, nor one beyond the skew, nor a wait that has passed", () => {
  const slot = fc.integer({ min: 0, max: 1e12 });
  const near = fc.integer({ min: -5, max: 5 });
  fc.assert(
    fc.property(slot, fc.option(near, { nil: undefined }), (present, offset) => {
      const last = offset === undefined ? undefined : Math.max(0, present + offset);
      const choice = chooseSlot(present, last);
      if (choice.kind === "use") {
        expect(choice.slot).toBeGreaterThan(last ?? -1);
        expect(choice.slot - present).toBeOneOf([0, 1]);
      } else if (choice.kind === "wait") {
        expect(choice.until).toBeGreaterThan(present);
        expect(chooseSlot(choice.until, last).kind).toBe("use");
        expect(chooseSlot(choice.until - 1, last).kind).toBe("wait");
      } else {
        expect(choice.slotsAhead).toBe(last! - present);
      }
    }),
  );
});
