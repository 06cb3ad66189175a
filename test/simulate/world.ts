/** The simulated server's doors and the people at it. */

import { type Address, parseAddress } from "../../src/core/address.ts";
import type { Port } from "../../src/core/port.ts";
import type { Door } from "../../src/config/settings.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../src/rks/space.ts";
import { formatSettings } from "../support/format-settings.ts";

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

/** Addresses that nobody knows, half of them IPv6. */
export function stranger(number: number): Address {
  return address(number % 2 === 0 ? `198.18.0.${number}` : `2001:db8:99:${number}::1`);
}

const SPACE: KnockSpace = { ...DEFAULT_SPACE, lo: 20_000, hi: 23999, ports: 10, slack: 16 };

const BASE = { users: [], space: SPACE, prefix6: 128, maxGrants: 256, uses: "many" } as const;

function tcp(port: number) {
  return { proto: "tcp", from: port, to: port } as const;
}

const FIXED: readonly Port[] = [
  { proto: "tcp", port: 7101 },
  { proto: "udp", port: 7350 },
  { proto: "tcp", port: 7222 },
];

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
    maxGrants: 4,
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
  (door) => (door.name === "ssh" ? { ...door, uses: "one", openForMs: 10_000 } : door),
  (door) => (door.name === "web" ? { ...door, opens: [tcp(8443)], idleCloseMs: 10_000 } : door),
  (door) => (door.name === "legacy" ? { ...door, openAfterMs: 90_000 } : door),
  (door) => (door.users.includes("bob") ? { ...door, users: ["alice", "carol"] } : door),
  // Half of the range before, and half of another one.
  (door) => ({ ...door, space: { ...door.space, lo: 22_000, hi: 25_999 } }),
  (door) => ({ ...door, space: { ...door.space, ports: 9, windowSeconds: 5, slack: 32 } }),
  // A door of another kind by the same name.
  (door) =>
    door.name === "legacy"
      ? { ...withoutFixed(door), users: ["alice", "dave"], uses: "one" }
      : door,
];

function withoutFixed(door: Door): Door {
  const { fixed: _, closing: __, ...rotating } = door;
  return rotating;
}

export const CONFIGURATIONS = CHANGES.length;

const DAY_MS = 86_400_000;

/** Doors with other terms: grants live for days, some of them longer than a timer of the runtime can run. */
const LONG_TERMS: readonly Readonly<Record<string, Partial<Door>>>[] = [
  { ssh: { openForMs: 30 * DAY_MS } },
  { family: { openForMs: 25 * DAY_MS } },
  { web: { openForMs: DAY_MS / 2, idleCloseMs: DAY_MS, maxOpenMs: 30 * DAY_MS } },
  { web: { openForMs: DAY_MS, idleCloseMs: 600_000, maxOpenMs: DAY_MS } },
  { legacy: { openForMs: 8 * DAY_MS } },
  { legacy: { openForMs: 30 * DAY_MS, openAfterMs: 30 * DAY_MS } },
  { screen: { openForMs: 26 * DAY_MS } },
  { ssh: { openForMs: 3 * DAY_MS, uses: "one" }, family: { openForMs: 29 * DAY_MS, prefix6: 128 } },
];

/** The numbers of configurations with long grants, and the doors that give them. */
export const LONG_CONFIGURATIONS = LONG_TERMS.map((terms, i) => ({
  number: CHANGES.length + i,
  doors: Object.keys(terms),
}));

const LONG_CHANGES = LONG_TERMS.map((terms) => (door: Door) => ({ ...door, ...terms[door.name] }));

/** The doors of each configuration. */
const DOORS_OF = [...CHANGES, ...LONG_CHANGES].map((change) =>
  DOORS.flatMap((door) => change(door) ?? []),
);

/** Another number may have equal doors: then the lower one. */
export function numberOf(doors: readonly Door[]): number {
  return DOORS_OF.findIndex((own) => Bun.deepEquals(own, doors));
}

export function doorsOf(number: number): readonly Door[] {
  return DOORS_OF[number % DOORS_OF.length]!;
}

/** The text of a config.toml; a broken one still names its state folder. */
export function configText(number: number, stateDir: string, broken: boolean): string {
  const text = formatSettings({
    server: { interfaces: ["eth0"], stateDir },
    doors: doorsOf(number),
    guard: { onStop: "closed", deny: "drop", alwaysAllow: [] },
    api: { listen: { host: "127.0.0.1", port: 9460 }, socket: "/run/sallyport.sock" },
  });
  return broken ? `${text}\n[door.ssh\n` : text;
}
