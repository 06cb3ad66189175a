/**
 * The audit notices every change of the guard and no part of its normal life; events report changes
 * by others.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { parseAddress } from "../../../src/core/address.ts";
import { guardFingerprint } from "../../../src/firewall/audit.ts";
import { TableEvents } from "../../../src/firewall/events.ts";
import type { GrantRequest } from "../../../src/firewall/firewall.ts";
import { KernelGrants } from "../../../src/firewall/grants.ts";
import { loadGuard, removeGuard } from "../../../src/firewall/guard.ts";
import type { GuardPlan } from "../../../src/firewall/guard-plan.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";

const PLAN: GuardPlan = {
  guarded: [{ proto: "tcp", from: 22, to: 22 }],
  allow: [],
  deny: { ip: "reset", ip6: "reset" },
  idleMs: [],
};

const GRANT: GrantRequest = {
  address: parseAddress("203.0.113.7")!,
  prefix6: 128,
  ports: [{ proto: "tcp", from: 22, to: 22 }],
  kind: "plain",
  openMs: 60_000,
  use: { id: new Uint8Array(16).fill(7), forMs: 60_000 },
  label: "ssh alice/laptop",
};

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(() => lab[Symbol.dispose]());
beforeEach(() => inside(lab.namespace("server"), removeGuard));

function nft(command: string): void {
  lab.run("server", ["nft", command]);
}

describe("guardFingerprint()", () => {
  test("is the same after a grant, a use and another load of the same plan", () => {
    inside(lab.namespace("server"), () => {
      loadGuard(PLAN);
      const before = guardFingerprint();
      using grants = KernelGrants.open();
      grants.open(GRANT);
      loadGuard(PLAN);
      expect(guardFingerprint()).toBe(before);
    });
  });

  test("is undefined without a table", () => {
    expect(inside(lab.namespace("server"), guardFingerprint)).toBeUndefined();
  });

  test.each([
    ["a flushed chain", "flush chain inet sallyport guard"],
    ["a rule in front", "insert rule inet sallyport gate accept"],
    ["a port taken off the list", "delete element inet sallyport guarded { tcp . 22 }"],
    ["an allowed network", "add element inet sallyport allow4 { 198.51.100.0/24 }"],
    ["a table put to sleep", "add table inet sallyport { flags dormant; }"],
  ])("changes with %s, and a load of the plan brings it back", (_, command) => {
    const load = () => inside(lab.namespace("server"), () => loadGuard(PLAN));
    const take = () => inside(lab.namespace("server"), guardFingerprint);
    load();
    const before = take();
    nft(command);
    expect(take()).not.toBe(before);
    load();
    expect(take()).toBe(before);
  });
});

describe("TableEvents.drain()", () => {
  test("hears others, not our own grants, and not other tables", () => {
    inside(lab.namespace("server"), () => {
      loadGuard(PLAN);
      using grants = KernelGrants.open();
      using events = new TableEvents();
      const own = new Set([grants.portId]);
      grants.open(GRANT);
      expect(events.drain(own)).toBe(false);
      expect(events.drain(own)).toBe(false);
      expect(events.others()).toBe(false);
      nft("add table inet other");
      expect(events.drain(own)).toBe(false);
      expect([events.others(), events.others()]).toEqual([true, false]);
      nft("delete element inet sallyport grants4 { 203.0.113.7 . tcp . 22 }");
      expect(events.drain(own)).toBe(true);
      loadGuard(PLAN);
      expect(events.drain(own)).toBe(true);
      expect(events.others()).toBe(false);
      nft("flush ruleset");
      expect(events.drain(own)).toBe(true);
      expect(events.others()).toBe(true);
      expect(events.drain(own)).toBe(false);
    });
  });

  test("tells when others took grants for one connection away, until it is asked", () => {
    inside(lab.namespace("server"), () => {
      loadGuard(PLAN);
      using grants = KernelGrants.open();
      using events = new TableEvents();
      const own = new Set([grants.portId]);
      const took = () => {
        events.drain(own);
        return [events.tookOnce(), events.tookOnce()];
      };
      const { use, ...again } = { ...GRANT, kind: "once" as const };
      grants.open({ ...again, use: use! });
      grants.close({ ...GRANT, sessions: "keep" });
      loadGuard(PLAN);
      expect(took()).toEqual([false, false]);
      grants.open(again);
      nft("delete element inet sallyport one4 { 203.0.113.7 . tcp . 22 }");
      expect(took()).toEqual([true, false]);
      nft("flush ruleset");
      expect(took()).toEqual([true, false]);
    });
  });
});
