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
  const grant = { id: "00000000ff", door, user, device: own, via: "rotating" };
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
  endedMs: Infinity,
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

test.each([
  ["expired", "plain", 9_000],
  ["expired", "idle", 9_500],
  ["hand", "plain", 9_500],
] as const)("a use ends with its grant (%s, %s)", (reason, kind, endedMs) => {
  const used = new UsedKnocks();
  const end = (id: string, atMs: number, expiresMs: number) => {
    const grant = { id, door: "ssh", via: "rotating", kind, expiresMs };
    used.hear({ type: "grant.closed", atMs, grant, reason } as unknown as DaemonEvent);
  };
  used.hear(opened(ALICE, 7, "203.0.113.7"));
  used.hear(opened(ALICE, 8, "203.0.113.7"));
  end("00000000fe", 8_500, 8_500);
  expect(used.find(ALICE, 7)?.endedMs).toBe(Infinity);
  end("00000000ff", 9_500, 9_000);
  used.hear(opened(ALICE, 10, "203.0.113.7"));
  end("00000000ff", 12_000, 12_000);
  expect([7, 8, 10].map((slot) => used.find(ALICE, slot)?.endedMs)).toEqual([
    endedMs,
    endedMs,
    12_000,
  ]);
});
