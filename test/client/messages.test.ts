/** The sentences a person reads, whole, and that none of them gives away a port or a key. */

import { expect, test } from "bun:test";
import type { KnockOutcome } from "../../src/client/attempts.ts";
import {
  describeOutcome,
  describeProgress,
  silentDoor,
  silentHost,
  warnOfDelay,
} from "../../src/client/messages.ts";
import { parseProfileLink } from "../../src/rks/profile-link.ts";

const KEY = "A".repeat(51) + "Q";
const PROFILE = parseProfileLink(`rks1://alice@gate.example/ssh?key=${KEY}&opens=22/tcp`);
const NOW_MS = Date.UTC(2026, 4, 1, 12, 0, 31);
const target = { address: "192.0.2.1", family: 4 } as const;
const outcome = (changes: Partial<KnockOutcome>): KnockOutcome => ({
  state: "open",
  target,
  port: 22,
  attempts: 1,
  elapsedMs: 11.3,
  ...changes,
});

test.each([
  [{}, "ssh on gate.example (192.0.2.1): 22/tcp open after 12 ms"],
  [{ attempts: 2 }, "ssh on gate.example (192.0.2.1): 22/tcp open after 12 ms, at knock 2"],
  [{ attempts: 0 }, "ssh on gate.example (192.0.2.1): 22/tcp is open already"],
  [{ state: "sent" }, "ssh on gate.example (192.0.2.1): knock sent, not waited for an answer"],
] as const)("describeOutcome() of %j", (changes, expected) => {
  expect(describeOutcome("ssh on gate.example", outcome(changes))).toBe(expected);
});

test("describeOutcome() does not name an address twice", () => {
  expect(describeOutcome("192.0.2.1", outcome({}))).toBe("192.0.2.1: 22/tcp open after 12 ms");
});

test("silentDoor() names what to check on both sides", () => {
  const silent = outcome({ state: "silent", attempts: 3 });
  expect(silentDoor(PROFILE, silent, NOW_MS).message).toBe(
    'Cannot open ssh on gate.example: 3 knocks sent and 22/tcp still does not answer: check this computer\'s clock (2026-05-01 12:00:31 UTC), the network (TCP to ports 20000-52767 may be filtered) and, on the server, "sallyport why" with the address you come from',
  );
  expect(silentDoor(PROFILE, silent, NOW_MS).message).not.toContain(KEY.slice(0, 8));
});

test("silentHost() names what to check for a fixed sequence", () => {
  expect(silentHost("gate.example", outcome({ state: "silent" })).message).toStartWith(
    "Cannot open gate.example: 1 knock sent and 22/tcp still does not answer: check the sequence",
  );
});

test("describeProgress() tells attempts and waits", () => {
  expect(
    [
      { type: "waiting", waitMs: 12_345 } as const,
      { type: "knocked", attempt: 1, target } as const,
      { type: "silent", attempt: 1, target } as const,
    ].map(describeProgress),
  ).toEqual([
    "waiting 13 s for a new slot: each opens only once",
    "knock 1 sent to 192.0.2.1",
    "knock 1: no answer from 192.0.2.1",
  ]);
});

test("warnOfDelay() speaks up only when the knock outlasts a server's usual window", () => {
  // 8 ports twice: 15 gaps.
  expect(warnOfDelay(PROFILE, 666)).toBeUndefined();
  expect(warnOfDelay(PROFILE, 1_000)).toStartWith(
    "with this delay a knock takes 15 s, and servers wait 10 s",
  );
});
