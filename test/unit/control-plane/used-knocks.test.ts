/** The knocks that opened a door, as far as they are remembered. */

import { expect, test } from "bun:test";
import { UsedKnocks } from "../../../src/control-plane/explain/used-knocks.ts";
import { parseAddress } from "../../../src/core/address.ts";
import type { DaemonEvent } from "../../../src/core/events.ts";
import { device } from "../../support/matcher.ts";

const ALICE = device("ssh alice laptop");
const { stepSeconds } = ALICE.space;
const LONGEST = device(["d".repeat(63), "u".repeat(32), "v".repeat(32)].join(" "));

function opened(holder: typeof ALICE, slot: number, source: string, atMs = slot * 1_000) {
  const { door, user, device: own } = holder;
  const grant = { door, user, device: own, via: "rotating" };
  const used = { slot, stepSeconds };
  return { type: "grant.opened", atMs, grant, source, used } as unknown as DaemonEvent;
}

const use = ({ door, user, device: own }: typeof ALICE, slot: number, source: string) => ({
  door,
  user,
  device: own,
  stepSeconds,
  slot,
  source: parseAddress(source)!,
  timeMs: slot * 1_000,
});

test.each(["203.0.113.7", "2001:db8::7", "0.0.0.0"])(
  "a use from %s is found by slot and source",
  (source) => {
    const used = new UsedKnocks();
    const others = ["203.0.113.8", "2001:db8::8", "::"];
    for (const [i, other] of others.entries()) used.hear(opened(ALICE, 10 + i, other));
    used.hear(opened(ALICE, 7, source));
    used.hear(opened(LONGEST, 7, source));
    expect(used.find(ALICE, 7)).toEqual(use(ALICE, 7, source));
    expect(used.from(parseAddress(source)!)).toEqual([
      use(ALICE, 7, source),
      use(LONGEST, 7, source),
    ]);
    expect(used.find(ALICE, 8)).toBeUndefined();
    expect(used.find({ ...ALICE, device: "lap" }, 7)).toBeUndefined();
    expect(used.find({ ...ALICE, space: { ...ALICE.space, stepSeconds: 60 } }, 7)).toBeUndefined();
  },
);

test("an opening that is told again takes the place of the first, and what used no slot is not kept", () => {
  const used = new UsedKnocks();
  used.hear(opened(ALICE, 7, "203.0.113.7"));
  used.hear(opened(ALICE, 7, "203.0.113.9"));
  used.hear({ ...opened(ALICE, 0, "203.0.113.1"), used: undefined } as unknown as DaemonEvent);
  expect(used.from(parseAddress("203.0.113.7")!)).toEqual([]);
  expect(used.find(ALICE, 7)?.source).toEqual(parseAddress("203.0.113.9"));
  expect(used.find(ALICE, 0)).toBeUndefined();
});

test("the oldest uses are forgotten first", () => {
  const used = new UsedKnocks();
  for (let slot = 0; slot < 8_193; slot++) used.hear(opened(ALICE, slot, "203.0.113.7"));
  expect(used.find(ALICE, 0)).toBeUndefined();
  expect(used.find(ALICE, 1)).toEqual(use(ALICE, 1, "203.0.113.7"));
  expect(used.find(ALICE, 8_192)?.slot).toBe(8_192);
  expect(used.from(parseAddress("203.0.113.7")!)).toHaveLength(8_192);
});
