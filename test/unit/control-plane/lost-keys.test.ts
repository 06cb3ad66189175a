/** The grants that end when keys go. */

import { expect, test } from "bun:test";
import type { Grant } from "../../../src/core/grant.ts";
import {
  describeKeyChange,
  grantsCutOff,
  type IsGone,
  keyChange,
  lossOf,
  lostBesides,
  withoutRemoved,
} from "../../../src/control-plane/lost-keys.ts";
import { KeyTable } from "../../../src/rks/key-table.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const table = (...devices: [user: string, device: string, fill: number][]) =>
  KeyTable.from(devices.map(([user, device, fill]) => ({ user, device, key: key(fill) })));

function grant(id: string, user?: string, device?: string): Grant {
  return {
    id,
    door: "ssh",
    address: "203.0.113.9",
    ports: [],
    kind: "plain",
    via: user === undefined ? "hand" : "rotating",
    ...(user !== undefined && { user }),
    ...(device !== undefined && { device }),
    openedMs: 0,
    expiresMs: 1,
  };
}

test("grantsCutOff() names the grants of devices whose key is gone or another, and no others", () => {
  const before = table(["alice", "phone", 1], ["alice", "laptop", 2], ["bob", "default", 3]);
  const now = table(["alice", "laptop", 2], ["bob", "default", 4], ["carol", "default", 5]);
  const grants = [
    grant("removed", "alice", "phone"),
    grant("kept", "alice", "laptop"),
    grant("replaced", "bob", "default"),
    grant("added", "carol", "default"),
    grant("never known", "dave", "default"),
    grant("by hand"),
  ];
  const cutOff = (isGone: IsGone) => grantsCutOff(grants, isGone).map(({ id }) => id);
  expect(cutOff(lossOf(before, now))).toEqual(["removed", "replaced"]);
  // A reload read the loss before the one who removed the key could tell of it.
  const phone = { user: "alice", device: "phone" };
  expect(cutOff(lossOf(now, now, phone))).toEqual(["removed"]);
  expect(cutOff(lossOf(now, now, { user: "alice" }))).toEqual(["removed"]);
  expect(cutOff(lossOf(now, now, { user: "bob" }))).toEqual([]);
});

test("describeKeyChange() says whose keys came, went and are others, however many", () => {
  const before = table(["alice", "phone", 1], ["bob", "default", 3]);
  const now = table(["bob", "default", 4], ["carol", "default", 5]);
  expect(describeKeyChange(keyChange(before, now))).toBe(
    "added carol, removed alice/phone, replaced the key of bob",
  );
  expect(describeKeyChange(keyChange(now, now))).toBe("no change");
  const many = KeyTable.from(
    Array.from({ length: 12 }, (_, i) => ({ user: `u${i}`, device: "default", key: key(i) })),
  );
  expect(describeKeyChange(keyChange(table(), many))).toEndWith("u8, u9 and 2 more");
});

test("lostBesides() names what is gone or another, but not what was meant to go", () => {
  const before = table(["alice", "phone", 1], ["alice", "laptop", 2], ["bob", "default", 3]);
  const now = table(["alice", "laptop", 5], ["carol", "default", 6]);
  const said = (removed?: { user: string; device?: string }) =>
    lostBesides(before, now, removed).map(({ user, device }) => `${user}/${device}`);
  expect(said()).toEqual(["alice/phone", "bob/default", "alice/laptop"]);
  expect(said({ user: "alice", device: "phone" })).toEqual(["bob/default", "alice/laptop"]);
  expect(said({ user: "alice" })).toEqual(["bob/default"]);
  expect(withoutRemoved(before, { user: "alice" }).length).toBe(1);
  expect(withoutRemoved(before, undefined)).toBe(before);
});
