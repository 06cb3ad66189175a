/** The sentences for a person, whole, and that none of them reveals a port or a key. */

import { expect, test } from "bun:test";
import type { KnockOutcome } from "../../../src/client/attempts.ts";
import {
  describeOutcome,
  describeProgress,
  failedDoor,
  failedHost,
  warnOfDelay,
} from "../../../src/client/messages.ts";
import { parseProfileLink } from "../../../src/rks/profile-link.ts";

const KEY = "A".repeat(51) + "Q";
const PROFILE = parseProfileLink(`rks1://alice@gate.example/ssh?key=${KEY}&opens=22/tcp`);
const NOW_MS = Date.UTC(2026, 4, 1, 12, 0, 31);
const target = { address: "192.0.2.1", family: 4 } as const;
const outcome = (changes: Partial<KnockOutcome>): KnockOutcome => ({
  state: "open",
  target,
  port: 22,
  attempts: 1,
  before: "silent",
  elapsedMs: 2_011.3,
  sinceKnockMs: 11.3,
  ...changes,
});

test.each([
  [{}, "ssh on gate.example (192.0.2.1): 22/tcp open after 12 ms"],
  [{ attempts: 2 }, "ssh on gate.example (192.0.2.1): 22/tcp open after 12 ms, at knock 2"],
  [
    { before: "open" },
    "ssh on gate.example (192.0.2.1): 22/tcp is open, and was open before the knock: from here nobody can tell whether the knock was believed",
  ],
  [{ attempts: 0 }, "ssh on gate.example (192.0.2.1): 22/tcp is open already"],
  [{ state: "sent" }, "ssh on gate.example (192.0.2.1): knock sent, without waiting for an answer"],
] as const)("describeOutcome() of %j", (changes, expected) => {
  expect(describeOutcome("ssh on gate.example", outcome(changes))).toBe(expected);
});

test("describeOutcome() does not name an address twice", () => {
  expect(describeOutcome("192.0.2.1", outcome({}))).toBe("192.0.2.1: 22/tcp open after 12 ms");
});

test("failedDoor() names what to check on both sides", () => {
  const silent = outcome({ state: "silent", attempts: 3 });
  expect(failedDoor(PROFILE, silent, NOW_MS).message).toBe(
    'Cannot open ssh on gate.example: 3 knocks sent and 22/tcp still does not answer: check this computer\'s clock (2026-05-01 12:00:31 UTC), the network (TCP to ports 20000-52767 may be filtered) and, on the server, "sallyport why" with the address you come from',
  );
  expect(failedDoor(PROFILE, silent, NOW_MS).message).not.toContain(KEY.slice(0, 8));
});

test("failedDoor() says that a door may be open when the port refuses since the knock", () => {
  const refused = outcome({ state: "refused", attempts: 2 });
  expect(failedDoor(PROFILE, refused, NOW_MS).message).toBe(
    'Cannot reach ssh on gate.example: 2 knocks sent and 22/tcp, silent before, refuses now: the door may be open and nothing answers behind it: check that the service runs there and, on the server, "sallyport why" with the address you come from',
  );
});

test("failedDoor() says that it cannot tell when the port refuses as it did before", () => {
  const refused = outcome({ state: "refused", before: "refused", attempts: 3 });
  expect(failedDoor(PROFILE, refused, NOW_MS).message).toBe(
    'Cannot reach ssh on gate.example: 3 knocks sent and 22/tcp refuses as it did before: either the door did not open, or nothing answers behind it: check that the service runs there, this computer\'s clock (2026-05-01 12:00:31 UTC), the network (TCP to ports 20000-52767 may be filtered) and, on the server, "sallyport why" with the address you come from',
  );
});

test("failedHost() names what to check for a fixed sequence", () => {
  expect(failedHost("gate.example", outcome({ state: "silent" })).message).toStartWith(
    "Cannot open gate.example: 1 knock sent and 22/tcp still does not answer: check the sequence",
  );
});

test("describeProgress() tells attempts and waits", () => {
  expect(
    [
      { type: "waiting", waitMs: 12_345 } as const,
      { type: "knocked", attempt: 1, target } as const,
      { type: "silent", attempt: 1, target } as const,
      { type: "refused", attempt: 2, target } as const,
    ].map(describeProgress),
  ).toEqual([
    "waiting 13 s for a new slot: each opens only once",
    "knock 1 sent to 192.0.2.1",
    "knock 1: no answer from 192.0.2.1",
    "knock 2: 192.0.2.1 refuses the connection",
  ]);
});

test("warnOfDelay() speaks up only when the knock outlasts a server's usual window", () => {
  // 8 ports twice: 15 gaps.
  expect(warnOfDelay(PROFILE, 666)).toBeUndefined();
  expect(warnOfDelay(PROFILE, 1_000)).toStartWith(
    "with this delay a knock takes 15 s, and servers wait 10 s",
  );
});
