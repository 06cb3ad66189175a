/** Slots that a browser cannot send are left out, and none of the others is used twice. */

import { expect, test } from "bun:test";
import { isBlocked } from "../../../src/page/blocked-ports.ts";
import { chooseCallable } from "../../../src/page/slot-claim.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";

const all = () => true;
const none = () => false;
const not = (blocked: number) => (slot: number) => slot !== blocked;

test.each([
  ["takes the present slot first", undefined, all, { kind: "use", slot: 100, skipped: false }],
  ["takes the one ahead next", 100, all, { kind: "use", slot: 101, skipped: false }],
  ["waits when both are used", 101, all, { kind: "wait", until: 101, skipped: false }],
  ["leaves the present one out", undefined, not(100), { kind: "use", slot: 101, skipped: true }],
  ["waits for one that can be sent", undefined, none, { kind: "wait", until: 101, skipped: true }],
  ["waits past a blocked one ahead", 100, not(101), { kind: "wait", until: 101, skipped: true }],
  ["stops at a clock that was wrong", 900, all, { kind: "clock", slotsAhead: 800, skipped: false }],
] as const)("chooseCallable() %s", (_, last, callable, choice) => {
  expect(chooseCallable(100, last, callable)).toEqual(choice);
});

test("isBlocked() names no port of the default range, and those that services use below it", () => {
  const { lo, hi } = DEFAULT_SPACE;
  expect(Array.from({ length: hi - lo + 1 }, (_unused, i) => lo + i).filter(isBlocked)).toEqual([]);
  expect([22, 6000, 6665, 6669, 10_080].filter(isBlocked)).toHaveLength(5);
  expect([80, 443, 2222, 8443].filter(isBlocked)).toEqual([]);
});
