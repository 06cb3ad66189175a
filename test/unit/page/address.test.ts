/** Where a door leads, as an address of the web. */

import { expect, test } from "bun:test";
import { parsePortRange } from "../../../src/core/port.ts";
import { destinationOf, knockAddress, portToLookAt } from "../../../src/page/address.ts";

const door = (opens: string, host = "gate.example") => ({
  host,
  opens: opens.split(",").map((range) => parsePortRange(range)!),
});

test.each([
  ["22/tcp", "nothing", "ssh://gate.example/"],
  ["2222/tcp", "nothing", "ssh://gate.example:2222/"],
  ["443/tcp", "nothing", "https://gate.example/"],
  ["8443/tcp", "http", "https://gate.example:8443/"], // a service behind TLS answers http, to say so
  ["8080/tcp", "http", "http://gate.example:8080/"],
  ["22/tcp,8080/tcp", "http", "http://gate.example:8080/"],
  ["9000/tcp", "nothing", "nothing"],
  ["51820/udp", "nothing", "nothing"],
] as const)("destinationOf() leads from %s, where %s answered, to %s", (opens, answered, url) => {
  const scheme = answered === "nothing" ? undefined : answered;
  expect(destinationOf(door(opens), scheme)?.url ?? "nothing").toBe(url);
});

test("portToLookAt() leaves out what browsers never call, and what is not TCP", () => {
  expect(portToLookAt(door("22/tcp"))).toBeUndefined();
  expect(portToLookAt(door("22/tcp,53/udp,8443/tcp"))).toBe(8_443);
});

test("knockAddress() puts an IPv6 address in brackets", () => {
  expect(knockAddress("2001:db8::1", 30_000)).toBe("https://[2001:db8::1]:30000/");
});
