/** Whose sessions are cut when their grants are over, and how many places are searched for them. */

import { expect, test } from "bun:test";
import type { SessionsOf } from "../../../src/api/control.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { formatAddress, parsePrefix } from "../../../src/core/address.ts";
import { SallyportError } from "../../../src/core/errors.ts";
import type { Grant } from "../../../src/core/grant.ts";
import { cutLeftovers, openingsOf } from "../../../src/control-plane/leftover-cut.ts";
import { AuditLog } from "../../../src/store/audit.ts";
import { grantOf, opened, StateFolder } from "../../support/store.ts";

const NOW = 1_800_000_000_000;

/** What is cut where each of these grants is over, the first the latest. */
async function cutOf(of: SessionsOf, grants: readonly Grant[], living: readonly Grant[] = []) {
  using folder = new StateFolder();
  const log = new AuditLog(folder.path, { nowMs: NOW, report: () => {} });
  for (const [i, grant] of grants.entries()) log.add(opened(NOW - i, grant));
  const searched: string[] = [];
  const heard: string[] = [];
  const done = await cutLeftovers(
    {
      settings: parseSettings(`
[server]
state_dir = "${folder.path}"
[guard]
always_allow = ["192.0.2.0/24"]
[door.web]
opens = ["8443/tcp"]
users = ["*"]
[door.old]
opens = ["9443/tcp"]
sequence = ["7000", "9000", "8000"]
`),
      grants: () => Promise.resolve(living),
      flushAudit: () => void log.flush(),
      cutAt: ({ door, address, sessions }) => heard.push(`${door} ${address} ${sessions}`),
      cut: (address, prefix6) => {
        searched.push(`${formatAddress(address)}/${prefix6}`);
        // Where nobody is inside any more.
        return formatAddress(address).endsWith(".99") ? 0 : 2;
      },
    },
    openingsOf(of),
  );
  log.close();
  expect(heard).toEqual(done.cut.map((one) => `${one.door} ${one.address} ${one.sessions}`));
  return { ...done, cut: heard, searched: searched.length };
}

const at = (address: string, door = "web", user = "alice", device = "phone") =>
  grantOf(address, { door, user, device });

function byHand(address: string, door: string): Grant {
  const { user: _, device: __, ...grant } = at(address, door);
  return { ...grant, via: "hand" };
}

const ALL = [
  at("203.0.113.1"),
  byHand("203.0.113.1", "old"),
  at("203.0.113.2", "web", "alice", "tab"),
  at("203.0.113.3", "web", "bob"),
  at("203.0.113.99"),
  at("2001:db8:0:1::/64"),
  at("192.0.2.7"),
];

test.each<[SessionsOf, string[]]>([
  [{ network: parsePrefix("203.0.113.1")! }, ["web 203.0.113.1 2", "old 203.0.113.1 2"]],
  [{ network: parsePrefix("203.0.113.1")!, door: "old" }, ["old 203.0.113.1 2"]],
  [
    { network: parsePrefix("203.0.113.0/30")!, door: "web" },
    ["web 203.0.113.1 2", "web 203.0.113.2 2", "web 203.0.113.3 2"],
  ],
  [{ network: parsePrefix("2001:db8:0:1::7")! }, ["web 2001:db8:0:1::/64 2"]],
  [{ network: parsePrefix("203.0.113.99")! }, []],
  [{ network: parsePrefix("192.0.2.7")! }, []],
  [{ user: "alice" }, ["web 203.0.113.1 2", "web 203.0.113.2 2", "web 2001:db8:0:1::/64 2"]],
  [{ user: "alice", device: "tab" }, ["web 203.0.113.2 2"]],
  [{ user: "carol" }, []],
])("cutLeftovers() of %j cuts %j", async (of, cut) => {
  expect(await cutOf(of, ALL)).toMatchObject({ cut, unsearched: 0 });
});

test("cutLeftovers() of a user leaves the sessions of whoever asks, and says where", async () => {
  const address = parsePrefix("203.0.113.2")!.address;
  const of = (port?: number): SessionsOf => ({
    user: "alice",
    device: "tab",
    from: { address, ...(port !== undefined && { port }) },
  });
  const spared = [{ door: "web", address: "203.0.113.2" }];
  expect(await cutOf(of(), ALL)).toMatchObject({ cut: [], spared });
  expect(await cutOf(of(1), ALL)).toMatchObject({ cut: ["web 203.0.113.2 2"], spared: [] });
});

test("cutLeftovers() spares the ports that somebody holds open to the address", async () => {
  const bobs = at("203.0.113.1", "web", "bob");
  const done = await cutOf({ network: parsePrefix("203.0.113.1")! }, ALL, [
    { ...bobs, ports: [{ proto: "tcp", from: 8443, to: 8443 }] },
  ]);
  expect(done.cut).toEqual(["old 203.0.113.1 2"]);
});

test("cutLeftovers() searches the newest places of a device that was everywhere, and counts the rest", async () => {
  const grants = Array.from({ length: 100 }, (_, i) => at(`198.51.100.${i + 100}`));
  const done = await cutOf({ user: "alice" }, grants);
  expect(done).toMatchObject({ searched: 64, unsearched: 36 });
  expect(done.cut[0]).toBe("web 198.51.100.100 2");
});

test("cutLeftovers() fails where the log cannot be read", async () => {
  using folder = new StateFolder();
  const around = {
    settings: parseSettings(
      `[server]\nstate_dir = "${folder.path}"\n[door.web]\nopens = ["8443/tcp"]\nusers = ["*"]\n`,
    ),
    grants: () => Promise.resolve([]),
    flushAudit: () => {},
  };
  const failure = await cutLeftovers(around, { isMeant: () => true }).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(SallyportError);
});
