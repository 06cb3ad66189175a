/** The simulated server's doors and the people at it. */

import { type Address, parseAddress } from "../../src/core/address.ts";
import type { Door, Settings } from "../../src/config/settings.ts";
import { makePlan, type Plan } from "../../src/data-plane/plan.ts";
import type { DeviceKey } from "../../src/keys/keys.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../src/rks/space.ts";

export interface Person {
  readonly name: string;
  readonly user: string;
  readonly device: string;
  readonly address: Address;
}

function address(text: string): Address {
  return parseAddress(text)!;
}

export const PEOPLE: readonly Person[] = [
  { name: "alice", user: "alice", device: "laptop", address: address("198.51.100.7") },
  { name: "alice's phone", user: "alice", device: "phone", address: address("198.51.100.7") },
  { name: "bob", user: "bob", device: "desk", address: address("2001:db8:1:2::b0b") },
  { name: "carol", user: "carol", device: "desk", address: address("2001:db8:1:2::ca") },
  { name: "dave", user: "dave", device: "van", address: address("203.0.113.44") },
];

/** Whoever listens on the way, and knocks what was heard. */
export const EAVESDROPPER = address("192.0.2.66");

export const KEYS: readonly DeviceKey[] = PEOPLE.map(({ user, device }) => ({
  user,
  device,
  key: Uint8Array.from(new Bun.CryptoHasher("sha256").update(`${user}/${device}`).digest()),
}));

const SPACE: KnockSpace = { ...DEFAULT_SPACE, lo: 20_000, hi: 20_999, slack: 16 };

const BASE = { users: [], space: SPACE, prefix6: 128, maxGrants: 4, uses: "many" } as const;

function tcp(port: number) {
  return { proto: "tcp", from: port, to: port } as const;
}

const FIXED = [7101, 7350, 7222].map((port) => ({ proto: "tcp", port }) as const);

const DOORS: readonly Door[] = [
  { ...BASE, name: "ssh", opens: [tcp(22)], users: ["alice", "bob", "dave"], openForMs: 30_000 },
  {
    ...BASE,
    name: "web",
    opens: [tcp(8443), tcp(8444)],
    users: ["*"],
    openForMs: 60_000,
    idleCloseMs: 20_000,
    maxOpenMs: 120_000,
    run: { open: command("open"), close: command("close"), privileged: true },
  },
  {
    ...BASE,
    name: "screen",
    opens: [tcp(5900)],
    users: ["alice", "carol"],
    openForMs: 45_000,
    uses: "one",
  },
  {
    ...BASE,
    name: "family",
    opens: [tcp(22), tcp(9000)],
    users: ["bob", "carol"],
    openForMs: 90_000,
    prefix6: 64,
    run: { close: command("close"), privileged: false },
  },
  {
    ...BASE,
    name: "legacy",
    opens: [tcp(3389)],
    fixed: { knocks: FIXED, timeoutMs: 10_000 },
    closing: { knocks: FIXED.toReversed(), timeoutMs: 10_000 },
    openForMs: 40_000,
    run: { open: command("open"), close: command("close"), privileged: true },
  },
];

function command(what: "open" | "close"): readonly string[] {
  return [`/bin/${what}`, "{door}", "{address}"];
}

/** Changes that a reload may bring; number 0 is the first configuration. */
const CHANGES: readonly ((door: Door) => Door | undefined)[] = [
  (door) => door,
  (door) => ({ ...door, openForMs: door.openForMs / 2 }),
  (door) => ({ ...door, space: { ...door.space, stepSeconds: 60 } }),
  (door) => ({ ...door, space: { ...door.space, skew: 2 } }),
  (door) => (door.name === "family" ? { ...door, prefix6: 128 } : door),
  (door) => (door.name === "web" ? undefined : door),
  (door) => (door.name === "screen" ? { ...door, uses: "many" } : door),
  (door) => (door.name === "ssh" ? { ...door, uses: "one" } : door),
  (door) => (door.name === "web" ? { ...door, opens: [tcp(8443)], idleCloseMs: 10_000 } : door),
  (door) => (door.users.includes("bob") ? { ...door, users: ["alice", "carol"] } : door),
];

export const CONFIGURATIONS = CHANGES.length;

export interface Configured {
  readonly settings: Settings;
  readonly plan: Plan;
}

export function configured(number: number, stateDir: string): Configured {
  const settings: Settings = {
    server: { interfaces: ["eth0"], stateDir },
    doors: DOORS.flatMap((door) => CHANGES[number % CHANGES.length]!(door) ?? []),
    guard: { onStop: "closed", deny: "drop", alwaysAllow: [] },
    api: { listen: { host: "127.0.0.1", port: 9460 }, socket: "/run/sallyport.sock" },
  };
  return { settings, plan: makePlan(settings, KEYS) };
}
