/** The sentences of an explanation: their content, and the ports that they keep to themselves. */

import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../../../src/core/address.ts";
import { parsePort } from "../../../../src/core/port.ts";
import {
  clockTime,
  describeTry,
  type TryFacts,
} from "../../../../src/control-plane/explain/describe-try.ts";
import { findTriesNow } from "../../../../src/match/near-misses.ts";
import type { EndedUse } from "../../../../src/control-plane/explain/used-knocks.ts";
import { hitsOn } from "../../../support/hits.ts";
import { device, NOW, portsOf, SLOT } from "../../../support/matcher.ts";

const ALICE = device("ssh alice laptop");
const SOURCE = parseAddress("203.0.113.9")!;
const OTHER = parseAddress("198.51.100.7")!;

function told(
  { offset = 0, ports = (all: number[]) => all, gapMs = 1 },
  facts: Partial<TryFacts> = {},
) {
  const hits = hitsOn(ports(portsOf(ALICE, SLOT + offset)), NOW, gapMs);
  const [made] = findTriesNow(hits, { rotating: [ALICE], fixed: [] });
  return describeTry(made!, { source: SOURCE, nowMs: NOW, uses: [], ports: "all", ...facts });
}

const use = (more: Partial<EndedUse>): EndedUse => ({
  door: "ssh",
  user: "alice",
  device: "laptop",
  stepSeconds: 30,
  slot: SLOT,
  ...more,
});

describe("describeTry()", () => {
  const [first] = portsOf(ALICE, SLOT);

  test("names the missing port to whoever asks as the owner", () => {
    const { kind, sentence, atMs } = told({ ports: (all) => all.slice(1) });
    expect({ kind, sentence }).toEqual({
      kind: "incomplete",
      sentence: `7 of 8 ports of alice/laptop for ssh, ${first} never arrived: filtered on the way?`,
    });
    expect(atMs).toBe(NOW + 6);
  });

  test("keeps the missing port out of the log while the sequence can be used, also when its slot is to come", () => {
    for (const offset of [-1, 0, 1, 2, 40]) {
      const { sentence } = told({ offset, ports: (all) => all.slice(1) }, { ports: "past" });
      for (const port of portsOf(ALICE, SLOT + offset)) expect(sentence).not.toContain(`${port}`);
      expect(sentence).toContain("the others never arrived");
    }
    const [past] = portsOf(ALICE, SLOT - 2);
    const { sentence } = told({ offset: -2, ports: (all) => all.slice(1) }, { ports: "past" });
    expect(sentence).toContain(`${past} never arrived`);
  });

  test.each([
    [-3, "of 3 slots ago: that clock is off by about 90 s (slow)"],
    [3, "3 slots early: that clock is off by about 90 s (fast)"],
    [-2, "of 2 slots ago: that clock is off by about 60 s (slow)"],
  ])("explains %d slots off", (offset, words) => {
    const { kind, sentence } = told({ offset });
    expect(kind).toBe("clock");
    expect(sentence).toStartWith(`The right ports of alice/laptop for ssh, ${words}: set it`);
  });

  test("tells slow from crowded, and both from a door that failed", () => {
    expect(told({ gapMs: 2_000 })).toMatchObject({
      kind: "slow",
      sentence: expect.stringContaining("over 14 s: knock.window is 10 s"),
    });
    const noise = Array.from({ length: 65 }, (_, i) => 25_000 + i);
    expect(told({ ports: (all) => [...all.slice(0, 1), ...noise, ...all.slice(1)] })).toMatchObject(
      {
        kind: "crowded",
        sentence: expect.stringContaining("65 other ports in between: knock.slack is 64"),
      },
    );
    expect(told({})).toMatchObject({ kind: "refused" });
  });

  test("keeps the next port of a fixed sequence out of the log, where it would stay true for ever", () => {
    const knocks = ["7000", "9000", "8000"].map((text) => parsePort(text)!);
    const sequence = { knocks, timeoutMs: 15_000 };
    const fixed = [{ door: "legacy", action: "open" as const, sequence }];
    const [made] = findTriesNow(hitsOn([7_000, 9_000], NOW), { rotating: [], fixed });
    const facts = { source: SOURCE, nowMs: NOW, uses: [] };
    const { sentence } = describeTry(made!, { ...facts, ports: "all" });
    expect(sentence).toContain("2 of 3, then 8000/tcp never arrived");
    expect(describeTry(made!, { ...facts, ports: "past" }).sentence).not.toMatch(/[789]000/);
  });

  test("says who used it, and when", () => {
    const timeMs = Date.UTC(2027, 0, 15, 8, 0, 3);
    const endedMs = Infinity;
    expect(told({}, { uses: [use({ source: SOURCE, timeMs, endedMs })] })).toMatchObject({
      kind: "opened",
      sentence: expect.stringContaining("it opened at 08:00:03 UTC"),
    });
    expect(told({}, { uses: [use({ source: OTHER, timeMs })] })).toMatchObject({
      kind: "used",
      sentence: expect.stringContaining("already used at 08:00:03 UTC from 198.51.100.7"),
    });
  });

  describe("of a used slot from the address that used it", () => {
    const ports = portsOf(ALICE, SLOT);
    /** What is said of the slot's knock at these seconds after the first, whose grant ended then. */
    const again = (seconds: readonly number[], endedS?: number, heard = ports) => {
      const hits = seconds.flatMap((s) => hitsOn(s === 0 ? ports : heard, NOW + s * 1_000));
      const [made] = findTriesNow(hits, { rotating: [ALICE], fixed: [] });
      const endedMs = endedS === undefined ? undefined : NOW + endedS * 1_000;
      const used = use({ source: SOURCE, timeMs: NOW + 8, ...(endedMs && { endedMs }) });
      const facts = { source: SOURCE, nowMs: NOW + 600_000, uses: [used], ports: "all" } as const;
      const { kind, sentence, atMs } = describeTry(made!, facts);
      return { kind, sentence, seconds: Math.floor((atMs! - NOW) / 1_000) };
    };

    test.each([
      ["the knock that opened", [0], 5, "opened", 0],
      ["a copy at once, though its one connection was let in", [0, 0.1], 0.05, "opened", 0],
      ["SYNs that Linux repeats", [0, 1, 3, 7], 2, "opened", 7],
      ["another knock while the grant lives", [0, 7], 30, "opened", 7],
      [
        "another knock while a grant lives that traffic prolongs",
        [0, 120],
        Infinity,
        "opened",
        120,
      ],
      ["another knock after the grant", [0, 7], 5, "used", 7],
      ["another knock after a grant whose end is not known", [0, 7], undefined, "used", 7],
      ["another knock, where the first is forgotten", [7], 5, "used", 7],
    ] as const)("%s", (_, seconds, endedS, kind, atS) => {
      expect(again(seconds, endedS)).toMatchObject({ kind, seconds: atS });
    });

    test("half of it again is no other knock", () => {
      expect(again([0, 7], 5, ports.slice(4))).toMatchObject({ kind: "opened", seconds: 0 });
    });

    test("says what may be the reason: the clock, where the slot is over", () => {
      expect(again([0, 7], 5).sentence).toBe(
        "The right ports of alice/laptop for ssh, but their slot was used at 08:00:15 UTC from this very address, so they opened nothing this time: two devices with one link, or a device that lost its state?",
      );
      expect(again([0, 128], 5).sentence).toBe(
        "The right ports of alice/laptop for ssh, of 4 slots ago: their slot was used at 08:00:15 UTC from this very address, so they opened nothing this time: that clock is off by about 128 s (slow): set it, or let it be set over the network (NTP)",
      );
    });
  });

  test("says which clock would have sent a slot that another address used, where it is over", () => {
    const uses = [use({ slot: SLOT - 3, source: OTHER, timeMs: NOW - 90_000 })];
    expect(told({ offset: -3 }, { uses }).sentence).toEndWith(
      "each knock opens once (addresses can be forged); by its slot, that clock is off by about 90 s (slow)",
    );
  });

  test("says that a knock was spent by a later one, or before a restart", () => {
    for (const slot of [SLOT, SLOT + 1]) {
      expect(told({}, { uses: [use({ slot })] })).toMatchObject({ kind: "used" });
    }
    expect(told({}, { uses: [use({ slot: SLOT - 1 })] })).toMatchObject({ kind: "refused" });
  });
});

test("clockTime() leaves out the date of today only", () => {
  const at = Date.UTC(2026, 4, 1, 12, 3, 7);
  expect(clockTime(at, at + 3_600_000)).toBe("12:03:07 UTC");
  expect(clockTime(at, at + 86_400_000)).toBe("2026-05-01 12:03:07 UTC");
});
