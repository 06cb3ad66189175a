/** Audits and probations beside a kernel in memory, which a process may die in the middle of. */

import { expect, test } from "bun:test";
import type { Settings } from "../../../../src/config/settings.ts";
import { GuardAudit } from "../../../../src/control-plane/guard/guard-audit.ts";
import { ProbationFile } from "../../../../src/control-plane/guard/probation-file.ts";
import { Readiness } from "../../../../src/control-plane/readiness.ts";
import { Counters } from "../../../../src/core/counters.ts";
import type { GuardPlan } from "../../../../src/firewall/guard-plan.ts";
import { doorOf, HandClock, settingsOf } from "../../../support/daemon.ts";
import { StateFolder } from "../../../support/store.ts";

function stage(folder: StateFolder, door = doorOf(), clock = new HandClock()) {
  const settings: Settings = {
    ...settingsOf([door]),
    server: { interfaces: ["any"], stateDir: folder.path },
  };
  const loads: GuardPlan[] = [];
  const kernel = {
    load: (plan: GuardPlan) => void loads.push(plan),
    remove: () => {},
    loaded: () => loads.length > 0,
    fingerprint: () => JSON.stringify(loads.at(-1)),
    sessions: () => [],
    adopt: () => 0,
  };
  const guard = new GuardAudit(settings, {
    clock,
    counters: new Counters(),
    readiness: new Readiness(),
    held: () => ({ kinds: [], idleMs: [] }),
    repairGrants: () => Promise.resolve({ missing: 0, intended: 0, full: false }),
    emit: () => {},
    note: () => {},
    goBack: () => Promise.resolve(false),
    otherwise: () => "open",
    kernel,
  });
  const file = new ProbationFile(folder.path);
  const leftMs = () => file.leftMs(clock.wallMs());
  return { guard, clock, settings, loads, kernel, leftMs };
}

test("audit() moves on the end of open_after now and then, not because of its own load", async () => {
  using folder = new StateFolder();
  const { guard, clock, settings, loads } = stage(folder, doorOf({ openAfterMs: 60_000 }));
  guard.loadFirst(settings, undefined);
  guard.watch();
  await guard.audit();
  expect(loads).toHaveLength(1);
  clock.nowMs += 30_000;
  // Each load is heard as a change of the table, and answered by another audit.
  for (let i = 0; i < 5; i++) await guard.audit();
  expect(loads).toHaveLength(2);
  clock.nowMs += 30_000;
  await guard.audit();
  expect(loads).toHaveLength(3);
  await guard.stop();
});

test.each(["loadFirst", "arm", "replace"] as const)(
  "a probation that %s() begins is in its file before the kernel guards by it",
  async (how) => {
    using folder = new StateFolder();
    const { guard, settings, kernel, leftMs } = stage(folder);
    const begin = {
      loadFirst: () => guard.loadFirst(settings, 60_000),
      arm: () => guard.arm(60_000),
      replace: () => guard.replace(settings, 60_000),
    }[how];
    if (how !== "loadFirst") guard.loadFirst(settings, undefined);
    const { load } = kernel;
    const seen: (number | undefined)[] = [];
    kernel.load = (plan) => {
      seen.push(leftMs());
      load(plan);
    };
    await begin();
    expect(seen).toEqual([60_000]);
    await guard.stop();
  },
);

test("a probation that the kernel refuses leaves the file as it was", async () => {
  using folder = new StateFolder();
  const { guard, settings, kernel, leftMs } = stage(folder);
  guard.loadFirst(settings, undefined);
  const { load } = kernel;
  kernel.load = () => {
    throw new Error("no memory");
  };
  expect(await guard.arm(60_000).catch(String)).toBe("Error: no memory");
  expect(leftMs()).toBeUndefined();
  kernel.load = load;
  await guard.arm(50_000);
  kernel.load = () => {
    throw new Error("no memory");
  };
  expect(await guard.arm(90_000).catch(String)).toBe("Error: no memory");
  expect(leftMs()).toBe(50_000);
  await guard.stop();
});
