/** The guardian against the real kernel: loads, notices, repairs, and lives through a probation. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { Guardian } from "../../../src/control-plane/guard/guardian.ts";
import { guardLoaded } from "../../../src/firewall/guard.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { grantOf, NOW, opened } from "../../store/support.ts";
import { doorOf, HandClock, settingsOf } from "../../support/daemon.ts";

const LIMIT_MS = 30_000;
const SETTINGS = settingsOf([doorOf()]);

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());
const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);
const nft = (...words: string[]) => lab.run("server", ["nft", ...words]).out;
const guarded = () => nft("list", "set", "inet", "sallyport", "guarded");

afterEach(() => {
  lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
});

function stage(settings = SETTINGS) {
  const clock = new HandClock();
  return { clock, guardian: new Guardian(settings, clock) };
}

describe("Guardian", () => {
  test(
    "intact() sees what others change of the guard, and repair() puts it back",
    () => {
      const { guardian } = stage();
      here(() => expect([guardian.intact(), Guardian.stands()]).toEqual([false, false]));
      here(() => guardian.load(SETTINGS));
      here(() => expect([guardian.intact(), Guardian.stands()]).toEqual([true, true]));
      for (const change of [
        ["flush", "chain", "inet", "sallyport", "guard"],
        ["add", "rule", "inet", "sallyport", "guard", "accept"],
        ["flush", "set", "inet", "sallyport", "guarded"],
        ["add", "element", "inet", "sallyport", "allow4", "{ 0.0.0.0/0 }"],
        ["flush", "ruleset"],
      ]) {
        nft(...change);
        expect([change.join(" "), here(() => guardian.intact())]).toEqual([
          change.join(" "),
          false,
        ]);
        here(() => guardian.repair());
        expect([change.join(" "), here(() => guardian.intact())]).toEqual([change.join(" "), true]);
      }
    },
    LIMIT_MS,
  );

  test(
    "repair() brings back the rules of idle times that living grants have and no door any more",
    () => {
      const guardian = new Guardian(SETTINGS, new HandClock(), () => [7_000]);
      here(() => guardian.load(SETTINGS));
      nft("flush", "ruleset");
      here(() => guardian.repair());
      expect(nft("list", "table", "inet", "sallyport")).toContain("set idle4_7s");
      expect(here(() => guardian.intact())).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "load() that fails leaves the guard and what is meant as they were",
    () => {
      const { guardian } = stage();
      here(() => guardian.load(SETTINGS));
      const broken = settingsOf([doorOf({ opens: [{ proto: "tcp", from: 9, to: 70_000 }] })]);
      expect(() => here(() => guardian.load(broken))).toThrow();
      expect(here(() => guardian.intact())).toBe(true);
      expect(guarded()).toContain("tcp . 22");
    },
    LIMIT_MS,
  );

  test(
    "remove() takes the guard away, and leaves it so until it is loaded again",
    () => {
      const { guardian } = stage();
      here(() => guardian.load(SETTINGS));
      here(() => guardian.remove());
      expect(here(() => [guardLoaded(), guardian.intact()])).toEqual([false, false]);
      here(() => guardian.repair());
      expect(here(() => guardian.intact())).toBe(true);
    },
    LIMIT_MS,
  );

  test("refreshes where a door is guarded for a time only", () => {
    expect(stage().guardian.refreshes).toBe(false);
    const timed = settingsOf([doorOf(), doorOf({ name: "web", openAfterMs: 60_000 })]);
    expect(stage(timed).guardian.refreshes).toBe(true);
  });
});

describe("Guardian on probation", () => {
  test(
    "arm() lets the kernel itself stop guarding, and a repair does not make that later",
    () => {
      const { guardian, clock } = stage();
      here(() => guardian.arm(60_000));
      expect(guarded()).toMatch(/timeout (1m|60s) /);
      clock.nowMs += 50_000;
      nft("flush", "ruleset");
      here(() => guardian.repair());
      expect(guarded()).toMatch(/timeout 10s /);
      expect(here(() => guardian.intact())).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "lapse() guards nothing any more, and the time for it is told",
    () => {
      const { guardian, clock } = stage();
      here(() => guardian.arm(60_000));
      expect([guardian.lapsesInMs, guardian.isOver]).toEqual([59_001, false]);
      clock.nowMs += guardian.lapsesInMs!;
      expect(guardian.isOver).toBe(true);
      here(() => guardian.lapse());
      expect([guardian.lapsesInMs, guardian.isOver, guardian.state]).toEqual([
        undefined,
        false,
        "lapsed",
      ]);
      expect(guarded()).not.toContain("elements");
      // A repair or a reload must not lock the ports behind somebody's back.
      here(() => guardian.repair());
      here(() => guardian.load(SETTINGS));
      expect(guarded()).not.toContain("elements");
      expect(() => here(() => guardian.confirm(true))).toThrow("the probation is over");
      here(() => guardian.arm(60_000));
      expect(guarded()).toContain("tcp . 22");
    },
    LIMIT_MS,
  );

  test(
    "confirm() asks for a proof, or --force, and makes the guard permanent",
    () => {
      const { guardian } = stage();
      here(() => guardian.load(SETTINGS));
      expect(() => here(() => guardian.confirm(true))).toThrow("it is permanent already");
      here(() => guardian.arm(60_000));
      expect(() => here(() => guardian.confirm(false))).toThrow("no door was opened by a knock");
      guardian.hear(opened(NOW, grantOf("203.0.113.7")));
      expect(() => here(() => guardian.confirm(false))).toThrow("no new connection");
      expect(guarded()).toContain("expires");
      here(() => guardian.confirm(true));
      expect(guarded()).not.toContain("expires");
      expect(guarded()).toContain("tcp . 22");
      expect(guardian.lapsesInMs).toBeUndefined();
    },
    LIMIT_MS,
  );
});
