/** Where the agent connects to, and where it does not. */

import { describe, expect, test } from "bun:test";
import { DialError } from "../../../src/agent/dial-error.ts";
import { findRoute, reachOf } from "../../../src/agent/routes.ts";
import type { SavedProfile } from "../../../src/agent/routes.ts";
import { profile } from "./profile.ts";

const SAVED: readonly SavedProfile[] = [
  { name: "home", profile: profile("gate.example", ["22/tcp", "443/tcp", "51820/udp"]) },
  { name: "home-web", profile: profile("gate.example", ["8000-8010/tcp"]) },
  { name: "literal", profile: profile("2001:db8::7", ["22/tcp"]) },
  { name: "single", profile: profile("one.example", []) },
];

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "gate.example": ["192.0.2.1", "2001:db8::1"],
  "one.example": ["192.0.2.9"],
};

const asked: string[] = [];
const route = (host: string, port: number) =>
  findRoute(SAVED, { host, port }, (name) => {
    asked.push(name);
    return Promise.resolve(NAMES[name] ?? []);
  });

async function refusal(host: string, port: number): Promise<string> {
  try {
    await route(host, port);
  } catch (error) {
    if (error instanceof DialError && error.kind === "forbidden") return error.message;
    throw error;
  }
  return "no refusal";
}

describe("findRoute()", () => {
  test.each([
    ["gate.example", 443, "home"],
    ["Gate.Example.", 22, "home"],
    ["gate.example", 8010, "home-web"],
    ["2001:db8:0::7", 22, "literal"],
    ["[2001:db8::7]", 22, "literal"],
  ])("of %s:%p is that of %s, at its own spelling of the host", async (host, port, name) => {
    const found = await route(host, port);
    expect(found.name).toBe(name);
    expect(found.to).toEqual({ host: found.profile.host, port });
    expect(found.profile).toBe(SAVED.find((one) => one.name === name)!.profile);
  });

  test.each([
    ["192.0.2.1", 8000],
    ["2001:db8::1", 443],
    ["::ffff:192.0.2.1", 22],
  ])("takes the address %s for the host that has it, and has it knocked on", async (host, port) => {
    const found = await route(host, port);
    expect(found.to).toEqual({ host, port });
    expect(found.profile.host).toBe(host);
    expect(found.name).toBe(port === 8000 ? "home-web" : "home");
  });

  test.each([
    ["elsewhere.example", 443, "no profile leads there"],
    ["sub.gate.example", 443, "no profile leads there"],
    ["gate.example", 80, "its door opens 22/tcp, 443/tcp, 8000-8010/tcp"],
    ["gate.example", 51_820, "its door opens 22/tcp"],
    ["one.example", 22, "its link names no port: name it with --forward"],
    ["192.0.2.1", 80, "no profile leads there"],
    ["192.0.2.9", 22, "no profile leads there"],
    ["127.0.0.1", 22, "no profile leads there"],
    ["localhost", 443, "no profile leads there"],
    ["", 443, "no profile leads there"],
  ])("refuses %s:%p: %s", async (host, port, reason) => {
    expect(await refusal(host, port)).toContain(reason);
  });

  test("looks names up for addresses alone, and for ports that a profile has", async () => {
    asked.length = 0;
    await refusal("elsewhere.example", 443);
    await refusal("192.0.2.77", 80);
    expect(asked).toEqual([]);
    await refusal("192.0.2.77", 8_001);
    expect(asked).toEqual(["gate.example"]);
  });
});

test("reachOf() lists the TCP ports of links", () => {
  expect(reachOf(SAVED.slice(0, 1))).toEqual([
    { host: "gate.example", from: 22, to: 22 },
    { host: "gate.example", from: 443, to: 443 },
  ]);
});
