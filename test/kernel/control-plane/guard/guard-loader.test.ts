/** The guard's loader against the real kernel: loads, notices, repairs, and lives through a probation. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { GuardLoader } from "../../../../src/control-plane/guard/guard-loader.ts";
import { guardLoaded } from "../../../../src/firewall/guard.ts";
import { inside } from "../../../support/inside.ts";
import { Lab } from "../../../support/lab.ts";
import { grantOf, NOW, opened } from "../../../support/store.ts";
import { doorOf, HandClock, settingsOf } from "../../../support/daemon.ts";

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
  return { clock, guardLoader: new GuardLoader(settings, clock) };
}

describe("GuardLoader", () => {
  test(
    "intact() sees what others change of the guard, and repair() puts it back",
    () => {
      const { guardLoader } = stage();
      here(() => expect([guardLoader.intact(), GuardLoader.stands()]).toEqual([false, false]));
      here(() => guardLoader.load(SETTINGS));
      here(() => expect([guardLoader.intact(), GuardLoader.stands()]).toEqual([true, true]));
      for (const change of [
        ["flush", "chain", "inet", "sallyport", "guard"],
        ["add", "rule", "inet", "sallyport", "guard", "accept"],
        ["flush", "set", "inet", "sallyport", "guarded"],
        ["add", "element", "inet", "sallyport", "allow4", "{ 0.0.0.0/0 }"],
        ["flush", "ruleset"],
      ]) {
        nft(...change);
        expect([change.join(" "), here(() => guardLoader.intact())]).toEqual([
          change.join(" "),
          false,
        ]);
        here(() => guardLoader.repair());
        expect([change.join(" "), here(() => guardLoader.intact())]).toEqual([
          change.join(" "),
          true,
        ]);
      }
    },
    LIMIT_MS,
  );

  test(
    "remembers() is false while the table may lack uses, and the guard stays intact through its end",
    async () => {
      const clock = new HandClock();
      let doubtMs = 0;
      const held = () => ({ kinds: [], idleMs: [], doubtMs });
      const guardLoader = new GuardLoader(SETTINGS, clock, held);
      const remembers = () => here(() => GuardLoader.remembers());
      expect(remembers()).toBe(false);
      doubtMs = 60_000;
      here(() => guardLoader.load(SETTINGS));
      expect(remembers()).toBe(false);
      doubtMs = 1;
      here(() => guardLoader.repair());
      expect(remembers()).toBe(false);
      while (!remembers()) await Bun.sleep(50);
      expect(here(() => guardLoader.intact())).toBe(true);
      doubtMs = 60_000;
      here(() => guardLoader.repair());
      doubtMs = 0;
      here(() => guardLoader.repair());
      expect(remembers()).toBe(true);
      expect(nft("list", "table", "inet", "sallyport")).not.toContain("doubt");
    },
    LIMIT_MS,
  );

  test(
    "repair() brings back the rules of grants that live and that no door gives any more",
    () => {
      const guardLoader = new GuardLoader(SETTINGS, new HandClock(), () => ({
        kinds: ["fixed", "once"],
        idleMs: [7_000],
      }));
      here(() => guardLoader.load(SETTINGS));
      nft("flush", "ruleset");
      here(() => guardLoader.repair());
      const chain = nft("list", "chain", "inet", "sallyport", "guard");
      for (const set of ["idle4_7s", "fixed4", "one4", "claim4"])
        expect(chain).toContain(`@${set}`);
      expect(here(() => guardLoader.intact())).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "load() that fails leaves the guard and what is meant as they were",
    () => {
      const { guardLoader } = stage();
      here(() => guardLoader.load(SETTINGS));
      const broken = settingsOf([doorOf({ opens: [{ proto: "tcp", from: 9, to: 70_000 }] })]);
      expect(() => here(() => guardLoader.load(broken))).toThrow();
      expect(here(() => guardLoader.intact())).toBe(true);
      expect(guarded()).toContain("tcp . 22");
    },
    LIMIT_MS,
  );

  test(
    "remove() takes the guard away, and leaves it so until it is loaded again",
    () => {
      const { guardLoader } = stage();
      here(() => guardLoader.load(SETTINGS));
      here(() => guardLoader.remove());
      expect(here(() => [guardLoaded(), guardLoader.intact()])).toEqual([false, false]);
      here(() => guardLoader.repair());
      expect(here(() => guardLoader.intact())).toBe(true);
    },
    LIMIT_MS,
  );
});

describe("GuardLoader on probation", () => {
  test(
    "arm() lets the kernel itself stop guarding, and a repair does not make that later",
    () => {
      const { guardLoader, clock } = stage();
      here(() => guardLoader.arm(60_000));
      expect(guarded()).toMatch(/timeout (1m|60s) /);
      clock.nowMs += 50_000;
      nft("flush", "ruleset");
      here(() => guardLoader.repair());
      expect(guarded()).toMatch(/timeout 10s /);
      expect(here(() => guardLoader.intact())).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "lapse() guards nothing any more, and the time for it is told",
    () => {
      const { guardLoader, clock } = stage();
      here(() => guardLoader.arm(60_000));
      expect([guardLoader.lapsesInMs, guardLoader.isOver]).toEqual([59_001, false]);
      clock.nowMs += guardLoader.lapsesInMs!;
      expect(guardLoader.isOver).toBe(true);
      here(() => guardLoader.lapse());
      expect([guardLoader.lapsesInMs, guardLoader.isOver, guardLoader.state]).toEqual([
        undefined,
        false,
        "lapsed",
      ]);
      expect(guarded()).not.toContain("elements");
      // A repair or a reload must not lock the ports unnoticed.
      here(() => guardLoader.repair());
      here(() => guardLoader.load(SETTINGS));
      expect(guarded()).not.toContain("elements");
      expect(() => here(() => guardLoader.confirm(true))).toThrow("the probation is over");
      here(() => guardLoader.arm(60_000));
      expect(guarded()).toContain("tcp . 22");
    },
    LIMIT_MS,
  );

  test(
    "confirm() asks for a proof, or --force, and makes the guard permanent",
    () => {
      const { guardLoader } = stage();
      here(() => guardLoader.load(SETTINGS));
      expect(() => here(() => guardLoader.confirm(true))).toThrow("it is permanent already");
      here(() => guardLoader.arm(60_000));
      expect(() => here(() => guardLoader.confirm(false))).toThrow("no door was opened by a knock");
      guardLoader.hear(opened(NOW, grantOf("203.0.113.7")));
      expect(() => here(() => guardLoader.confirm(false))).toThrow("no new connection");
      expect(guarded()).toContain("expires");
      here(() => guardLoader.confirm(true));
      expect(guarded()).not.toContain("expires");
      expect(guarded()).toContain("tcp . 22");
      expect(guardLoader.lapsesInMs).toBeUndefined();
    },
    LIMIT_MS,
  );
});
