/** Local addresses as a real kernel knows them, in a namespace of its own. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { LocalAddresses } from "../../../src/capture/local-addresses.ts";
import { PrefixTable } from "../../../src/capture/prefix-table.ts";
import { formatAddress, parseAddress, parsePrefix } from "../../../src/core/address.ts";
import { enterNamespace } from "../../../src/native/net-namespace.ts";
import { PollSet } from "../../../src/native/poll-set.ts";
import { randomFrom } from "../../support/random.ts";
import { run } from "../../support/programs.ts";

const NAMESPACE = `sallyport-${process.pid}-local`;
const ip = (...argv: string[]) => run(["ip", "-n", NAMESPACE, ...argv]);

beforeAll(() => {
  run(["ip", "netns", "add", NAMESPACE]);
  ip("link", "set", "lo", "up");
  ip("link", "add", "eth0", "type", "veth", "peer", "eth1");
  ip("link", "set", "eth0", "up");
  ip("link", "set", "eth1", "up");
  ip("address", "add", "10.1.0.1/24", "dev", "eth0");
});
afterAll(() => run(["ip", "netns", "delete", NAMESPACE]));

function inside(): LocalAddresses {
  using stack = new DisposableStack();
  stack.use(enterNamespace(`/run/netns/${NAMESPACE}`));
  return new LocalAddresses();
}

function has(table: LocalAddresses | PrefixTable, text: string): boolean {
  const { family, a0, a1, a2, a3 } = parseAddress(text)!;
  return table.has(family, a0, a1, a2, a3);
}

/**
 * Does a daemon's work until `text` is local or no longer (`wanted`); false when that never comes.
 */
function becomes(local: LocalAddresses, text: string, wanted: boolean): boolean {
  const poll = new PollSet();
  poll.add(local.fd);
  // IPv6 takes a second or two to detect duplicates before the address is its own.
  while (has(local, text) !== wanted) {
    if (poll.wait(4_000) === 0) return false;
    local.drain();
  }
  return true;
}

test("LocalAddresses.has() knows loopback, and neither broadcast, multicast nor strangers", () => {
  using local = inside();
  for (const mine of ["127.0.0.1", "127.1.2.3", "::1", "10.1.0.1"]) {
    expect([mine, has(local, mine)]).toEqual([mine, true]);
  }
  for (const other of ["10.1.0.2", "10.1.0.255", "10.1.0.0", "255.255.255.255", "0.0.0.0"]) {
    expect([other, has(local, other)]).toEqual([other, false]);
  }
  for (const other of ["224.0.0.1", "ff02::1", "::", "fe80::1", "::ffff:10.1.0.1", "8.8.8.8"]) {
    expect([other, has(local, other)]).toEqual([other, false]);
  }
});

test("LocalAddresses.drain() follows addresses as they come and go", () => {
  using local = inside();
  for (const address of ["10.2.0.1/24", "10.3.0.1/32", "fd02::1/64", "fd03::1/128"]) {
    const host = address.split("/")[0]!;
    expect(has(local, host)).toBeFalse();
    // One of them waits for duplicates to show first, as addresses do.
    const noDad = address.startsWith("fd03") ? ["nodad"] : [];
    ip("address", "add", address, "dev", "eth0", ...noDad);
    expect([host, becomes(local, host, true)]).toEqual([host, true]);
    ip("address", "delete", address, "dev", "eth0");
    expect([host, becomes(local, host, false)]).toEqual([host, true]);
  }
}, 20_000);

test("LocalAddresses.has() knows /32s on lo, link-local addresses and routed local prefixes", () => {
  using local = inside();
  ip("address", "add", "192.0.2.7/32", "dev", "lo");
  ip("route", "add", "local", "198.51.100.0/24", "dev", "lo");
  ip("-6", "route", "add", "local", "2001:db8:5::/48", "dev", "lo");
  ip("address", "add", "fe80::77/64", "dev", "eth0", "nodad");
  local.drain();
  for (const mine of ["192.0.2.7", "198.51.100.200", "2001:db8:5::9", "fe80::77"]) {
    expect([mine, has(local, mine)]).toEqual([mine, true]);
  }
  expect(has(local, "2001:db8:6::9")).toBeFalse();
  ip("route", "delete", "local", "198.51.100.0/24", "dev", "lo");
  local.drain();
  expect(has(local, "198.51.100.200")).toBeFalse();
});

test("LocalAddresses.has() ignores the local routes of transparent proxies, as the guard does", () => {
  using local = inside();
  ip("route", "add", "local", "203.0.113.0/24", "dev", "lo", "table", "100");
  local.refresh();
  expect(has(local, "203.0.113.5")).toBeFalse();
});

test("LocalAddresses keeps the addresses of an interface that is down until it is deleted", () => {
  using local = inside();
  ip("link", "add", "eth8", "type", "veth", "peer", "eth9");
  ip("address", "add", "10.8.0.1/24", "dev", "eth8");
  local.refresh();
  // The kernel answers for the addresses of interfaces that are not up, on those that are.
  expect(has(local, "10.8.0.1")).toBeTrue();
  ip("link", "set", "eth8", "up");
  local.drain();
  expect(has(local, "10.8.0.1")).toBeTrue();
  ip("link", "set", "eth8", "down");
  local.drain();
  expect(has(local, "10.8.0.1")).toBeTrue();
  ip("link", "delete", "eth8");
  expect(becomes(local, "10.8.0.1", false)).toBeTrue();
});

test("LocalAddresses.drain() is not woken by the routes of others", () => {
  using local = inside();
  local.drain();
  ip("route", "add", "172.16.0.0/16", "via", "10.1.0.9");
  ip("route", "delete", "172.16.0.0/16");
  expect(local.drain()).toBeFalse();
});

test("LocalAddresses.drain() finds its way after more changes than the socket can hold", () => {
  using local = inside();
  const lines = Array.from({ length: 4_000 }, (_, i) => `10.9.${i >> 8}.${i & 255}/32`);
  const batch = (verb: string) => lines.map((line) => `address ${verb} ${line} dev lo`).join("\n");
  run(["ip", "-n", NAMESPACE, "-batch", "-"], { input: batch("add") });
  expect(local.drain()).toBeTrue();
  expect(has(local, "10.9.0.0")).toBeTrue();
  expect(has(local, "10.9.15.159")).toBeTrue();
  expect(has(local, "10.9.15.160")).toBeFalse();
  run(["ip", "-n", NAMESPACE, "-batch", "-"], { input: batch("delete") });
  expect(local.drain()).toBeTrue();
  expect(has(local, "10.9.0.0")).toBeFalse();
});

test("PrefixTable.has() agrees with comparing every prefix bit by bit", () => {
  const random = randomFrom(7);
  const some = (family: 4 | 6) => {
    const a0 = 0x0a00_0000 + random(64) * 0x0100_0000 + random(4);
    const low = family === 4 ? 0 : random(3) * 0x8000_0000;
    return { family, a0: a0 >>> 0, a1: low >>> 0, a2: 0, a3: family === 4 ? 0 : random(4) };
  };
  const prefixes = Array.from({ length: 60 }, (_, i) => {
    const address = some(i % 2 === 0 ? 4 : 6);
    return { address, bits: i % 2 === 0 ? 1 + random(32) : 1 + random(128) };
  });
  const bitsOf = ({ a0, a1, a2, a3 }: { a0: number; a1: number; a2: number; a3: number }) =>
    [a0, a1, a2, a3].map((word) => word.toString(2).padStart(32, "0")).join("");
  const table = new PrefixTable(prefixes);
  let hits = 0;
  for (let i = 0; i < 5_000; i++) {
    const address = some(i % 2 === 0 ? 4 : 6);
    const wanted = prefixes.some(
      ({ address: other, bits }) =>
        other.family === address.family &&
        bitsOf(other).slice(0, bits) === bitsOf(address).slice(0, bits),
    );
    if (wanted) hits++;
    const { family, a0, a1, a2, a3 } = address;
    if (table.has(family, a0, a1, a2, a3) !== wanted) throw new Error(formatAddress(address));
  }
  expect(hits).toBeGreaterThan(500);
  expect(hits).toBeLessThan(4_500);
  expect(has(new PrefixTable([parsePrefix("0.0.0.0/0")!]), "8.8.8.8")).toBeTrue();
  expect(has(new PrefixTable([]), "8.8.8.8")).toBeFalse();
});
