/** The plan: who may knock for which door, and the ports to listen on. */

import { describe, expect, test } from "bun:test";
import { formatPortRange } from "../../../src/core/port.ts";
import { makePlan, packPlan, unpackPlan } from "../../../src/data-plane/plan.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { doorOf, fixedDoorOf, settingsOf } from "../../support/daemon.ts";

const key = new Uint8Array(32);
const KEYS = [
  { user: "alice", device: "laptop", key },
  { user: "alice", device: "phone", key },
  { user: "bob", device: "laptop", key },
];

describe("makePlan()", () => {
  test("gives every device of a door's users a subject, and nobody else's", () => {
    const doors = [doorOf(), doorOf({ name: "web", users: ["bob", "carol"] }), fixedDoorOf()];
    const { rotating } = makePlan(settingsOf(doors), KEYS);
    expect(Array.from(rotating, ({ door, user, device: of }) => `${door} ${user}/${of}`)).toEqual([
      "ssh alice/laptop",
      "ssh alice/phone",
      "web bob/laptop",
    ]);
  });

  test('gives a door of "*" every device, and finds each subject by name in another thread', () => {
    const doors = [doorOf({ users: ["*"] }), doorOf({ name: "web", users: ["bob"] })];
    const plan = makePlan(settingsOf(doors), KEYS);
    const crossed = unpackPlan(structuredClone(packPlan(plan)));
    for (const { rotating } of [plan, crossed]) {
      expect(Array.from(rotating, ({ door, user, device: of }) => `${door} ${user}/${of}`)).toEqual(
        ["ssh alice/laptop", "ssh alice/phone", "ssh bob/laptop", "web bob/laptop"],
      );
      expect(rotating.find({ door: "web", user: "bob", device: "laptop" })?.key).toEqual(key);
      expect(rotating.find({ door: "web", user: "alice", device: "phone" })).toBeUndefined();
    }
    // The keys are the same memory, not a copy of it.
    const [own, other] = [plan, crossed].map(({ rotating }) => rotating.memory.keys.keys);
    own![0] = 7;
    expect(other![0]).toBe(7);
  });

  test("gives a fixed door a subject for each of its sequences", () => {
    const { closing: _, ...oneWay } = fixedDoorOf({ name: "one-way" });
    const { fixed } = makePlan(settingsOf([fixedDoorOf(), oneWay, doorOf()]), KEYS);
    expect(fixed.map(({ door, action }) => `${action} ${door}`)).toEqual([
      "open legacy",
      "close legacy",
      "open one-way",
    ]);
  });

  test("hears whole knock ranges and spans: what cannot see wrong ports is opened by a scan", () => {
    const space = { ...DEFAULT_SPACE, proto: "udp", lo: 1_000, hi: 2_000 } as const;
    const { closing: _, ...oneWay } = fixedDoorOf();
    const { heard } = makePlan(settingsOf([doorOf({ space }), oneWay]), []);
    expect(heard.map(formatPortRange)).toEqual(["1000-2000/udp", "7000-9000/tcp"]);
  });

  test("hands on the uses that are spent already", () => {
    const uses = [
      { door: "ssh", user: "alice", device: "laptop", stepSeconds: 30, slot: 60_000_000 },
    ];
    expect(makePlan(settingsOf([doorOf()]), KEYS, uses).uses).toEqual(uses);
    expect(makePlan(settingsOf([doorOf()]), KEYS).uses).toEqual([]);
  });
});
