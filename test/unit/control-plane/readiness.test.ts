/** Readiness: its reasons, their order, and the events that end them. */

import { describe, expect, test } from "bun:test";
import { makePlan } from "../../../src/data-plane/plan.ts";
import { Readiness } from "../../../src/control-plane/readiness.ts";
import { grantOf, NOW, opened } from "../../support/store.ts";
import { doorOf, fixedDoorOf, settingsOf } from "../../support/daemon.ts";

const key = { user: "bob", device: "laptop", key: new Uint8Array(32) };
const codes = (readiness: Readiness) => readiness.reasons().map(({ code }) => code);
const fault = { type: "fault", atMs: NOW, part: "firewall", message: "Cannot add" } as const;

describe("Readiness", () => {
  test("reasons() has one reason a code, the latest, in the order of REASONS", () => {
    const readiness = new Readiness();
    readiness.set("stopping");
    readiness.set("capture", "eth0");
    readiness.set("capture", "eth1");
    readiness.set("starting");
    expect(readiness.reasons()).toEqual([
      { code: "starting" },
      { code: "capture", detail: "eth1" },
      { code: "stopping" },
    ]);
    readiness.clear("capture");
    readiness.clear("capture");
    expect([codes(readiness), readiness.has("capture")]).toEqual([["starting", "stopping"], false]);
  });

  test("setKeys() names a door that no key opens and the command that helps, until there is one", () => {
    const readiness = new Readiness();
    const settings = settingsOf([fixedDoorOf(), doorOf({ users: ["bob", "carol"] })]);
    readiness.setKeys(makePlan(settings, []));
    const detail = "No user of the door ssh has a key: run sallyport user add bob";
    expect(readiness.reasons()).toEqual([{ code: "keys", detail }]);
    readiness.setKeys(makePlan(settings, [key]));
    expect(readiness.reasons()).toEqual([]);
  });

  test("setCaptures() names what is not listened on", () => {
    const readiness = new Readiness();
    readiness.setCaptures(["eth0", "wg0", "wg1"], ["eth0"]);
    expect(readiness.reasons()[0]?.detail).toBe(
      "Not listening on wg0, wg1: tried again every half second",
    );
    readiness.setCaptures(["eth0"], ["eth0"]);
    expect(readiness.reasons()).toEqual([]);
  });

  test("hear() follows a fault to its recovery", () => {
    const readiness = new Readiness();
    readiness.hear({ ...fault, part: "capture" });
    readiness.hear({ ...fault, part: "firewall" });
    expect(codes(readiness)).toEqual(["capture", "firewall"]);
    readiness.hear({ type: "recovered", atMs: NOW, part: "capture", message: "" });
    expect(codes(readiness)).toEqual(["firewall"]);
    readiness.hear(opened(NOW));
    expect(codes(readiness)).toEqual([]);
  });

  test("hear() keeps a full set red through grants of other sets", () => {
    const readiness = new Readiness();
    readiness.hear({ ...fault, full: true });
    readiness.hear(opened(NOW));
    expect(readiness.reasons()).toEqual([{ code: "full", detail: "Cannot add" }]);
  });

  test("hear() stays red until the last of the doors that were full has room again", () => {
    const readiness = new Readiness();
    const door = { type: "door.full", atMs: NOW, address: "198.51.100.7", most: 4 } as const;
    const closed = (name: string) =>
      readiness.hear({
        type: "grant.closed",
        atMs: NOW,
        grant: grantOf("203.0.113.7", { door: name }),
        reason: "expired",
      });
    for (const name of ["legacy", "nas"]) readiness.hear({ ...door, door: name });
    closed("ssh");
    closed("legacy");
    expect(codes(readiness)).toEqual(["full"]);
    closed("nas");
    expect(codes(readiness)).toEqual([]);
  });

  test("setBehind() keeps it red while a door waits for its close commands", () => {
    const readiness = new Readiness();
    readiness.setBehind(["legacy"]);
    readiness.hear({
      type: "door.full",
      atMs: NOW,
      address: "198.51.100.7",
      most: 4,
      door: "legacy",
      behind: true,
    });
    expect(readiness.reasons()).toEqual([
      {
        code: "full",
        detail: "The door legacy waits until the close commands it owes have started",
      },
    ]);
    readiness.setBehind([]);
    expect(codes(readiness)).toEqual([]);
  });
});
