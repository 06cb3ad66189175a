/** Link-local addresses against the interfaces of a computer. */

import { expect, test } from "bun:test";
import type { NetworkInterfaceInfo } from "node:os";
import { missingZone } from "../../../src/client/ipv6-zones.ts";

const address6 = (address: string, scopeid: number): NetworkInterfaceInfo => ({
  family: "IPv6",
  address,
  scopeid,
  netmask: "ffff:ffff:ffff:ffff::",
  mac: "02:00:00:00:00:01",
  internal: false,
  cidr: `${address}/64`,
});

const TWO = {
  lo: [address6("::1", 0)],
  eth0: [address6("2001:db8::7", 0), address6("fe80::7", 2)],
  wlan0: [address6("fe80::9", 3)],
  wg0: [address6("fd00::9", 0)],
};

test.each([
  ["gate.example", undefined],
  ["192.0.2.1", undefined],
  ["2001:db8::1", undefined],
  ["fe80::1%eth0", undefined],
  ["fe80::1%3", undefined],
  [
    "fe80::1",
    "a link-local address says nothing without the interface that leads there: write fe80::1%eth0 or %wlan0",
  ],
  [
    "fe80::1%eth7",
    "no interface eth7 of this computer is up with a link-local address: write eth0 or wlan0 in its place",
  ],
  [
    "fe80::1%wg0",
    "no interface wg0 of this computer is up with a link-local address: write eth0 or wlan0 in its place",
  ],
  [
    "fe80::1%7",
    "no interface 7 of this computer is up with a link-local address: write eth0 or wlan0 in its place",
  ],
])("missingZone(%j) is %j", (host, expected) => {
  expect(missingZone(host, TWO)).toBe(expected);
});

test("missingZone() on a computer without any such interface asks to bring one up", () => {
  const none = { lo: [address6("::1", 0)] };
  expect(missingZone("fe80::1%eth0", none)).toEndWith(": bring it up");
  expect(missingZone("fe80::1", none)).toEndWith(
    "write fe80::1%eth0, with its name, and bring it up",
  );
});
