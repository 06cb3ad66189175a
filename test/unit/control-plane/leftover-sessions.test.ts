/** Where sessions may be left whose grant is over, and where they belong to somebody else. */

import { expect, test } from "bun:test";
import { parseSettings } from "../../../src/config/load.ts";
import { parsePrefix } from "../../../src/core/address.ts";
import type { Grant } from "../../../src/core/grant.ts";
import { findLeftovers, type LeftoverFacts } from "../../../src/control-plane/leftover-sessions.ts";

const { doors } = parseSettings(`
[door.ssh]
opens = ["22/tcp"]
users = ["*"]
[door.admin]
opens = ["22/tcp", "80/tcp"]
users = ["*"]
`);

const opened = (door: string, address: string, user = "alice", atMs = 1) => ({
  door,
  address,
  user,
  device: "phone",
  atMs,
});

const grant = (door: string, address: string): Grant => ({
  id: `${door} ${address}`,
  door,
  address,
  ports: doors.find(({ name }) => name === door)!.opens,
  kind: "plain",
  via: "rotating",
  openedMs: 0,
  expiresMs: 1,
});

function found(facts: Partial<LeftoverFacts>): string[] {
  const all: LeftoverFacts = {
    openings: [
      opened("ssh", "203.0.113.1", "alice", 1),
      opened("ssh", "2001:db8::/64", "alice", 2),
    ],
    isMeant: ({ user }) => user === "alice",
    doors,
    grants: [],
    alwaysAllow: [],
    ...facts,
  };
  return findLeftovers(all).map(({ door, address }) => `${door} ${address}`);
}

test("findLeftovers() names the places that were opened last by whom it is about, the newest first", () => {
  expect(found({})).toEqual(["ssh 2001:db8::/64", "ssh 203.0.113.1"]);
});

test.each<[string, Partial<LeftoverFacts>]>([
  ["where another user opened last", { isMeant: () => false }],
  ["of doors that are gone", { doors: [] }],
  [
    "where another door is open to the address on one of the ports",
    { grants: [grant("admin", "203.0.113.1"), grant("ssh", "2001:db8::7")] },
  ],
  [
    "where no key is asked for",
    { alwaysAllow: [parsePrefix("203.0.113.0/24")!, parsePrefix("2001:db8::/32")!] },
  ],
])("findLeftovers() leaves sessions alone %s", (_, facts) => {
  expect(found(facts)).toEqual([]);
});
