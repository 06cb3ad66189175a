/** Audits and probations beside a kernel in memory, which a process may die in the middle of. */

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import type { Settings } from "../../../../src/config/settings.ts";
import { GuardAudit } from "../../../../src/control-plane/guard/guard-audit.ts";
import { ProbationFile } from "../../../../src/control-plane/guard/probation-file.ts";
import { Readiness } from "../../../../src/control-plane/readiness.ts";
import { Counters } from "../../../../src/core/counters.ts";
import type { DaemonEvent } from "../../../../src/core/events.ts";
import type { GuardPlan } from "../../../../src/firewall/guard-plan.ts";
import { doorOf, HandClock, settingsOf } from "../../../support/daemon.ts";
import { StateFolder } from "../../../support/store.ts";

type Deny = GuardPlan["deny"];
const REFUSES: Deny = { ip: "reset", ip6: "reset" };
const SILENT: Deny = { ip: "drop", ip6: "drop" };

function stage(folder: StateFolder, door = doorOf(), deny: "auto" | "drop" = "drop") {
  const clock = new HandClock();
  const before = settingsOf([door]);
  const settings: Settings = {
    ...before,
    guard: { ...before.guard, deny },
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
    closedPorts: () => REFUSES,
    mayDenyUnheard: () => false,
  };
  const held = { kinds: [], idleMs: [], doubtMs: 0 };
  const notes: string[] = [];
  const told: string[] = [];
  const events: DaemonEvent[] = [];
  const grants = { repair: () => Promise.resolve({ missing: 0, intended: 0, full: false }) };
  const guard = new GuardAudit(settings, {
    clock,
    counters: new Counters(),
    readiness: new Readiness(),
    held: () => held,
    repairGrants: () => grants.repair(),
    emit: (event) => void events.push(event),
    note: (record) => void notes.push("message" in record ? record.message : record.type),
    report: ({ state, message }) => void told.push(`${state}: ${message}`),
    goBack: () => Promise.resolve(false),
    otherwise: () => "open",
    kernel,
  });
  const file = new ProbationFile(folder.path);
  const leftMs = () => file.leftMs(clock.wallMs());
  return { guard, clock, settings, loads, kernel, held, notes, told, events, grants, leftMs };
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

/** The state folder takes no file in the place of the record, and does not give up what is there. */
function refuseRecord(folder: StateFolder): () => void {
  const file = folder.file("probation");
  rmSync(file, { force: true });
  mkdirSync(file);
  return () => rmdirSync(file);
}

test.each([
  ["confirm", async (guard: GuardAudit) => void (await guard.confirm(true))],
  ["restore", async (guard: GuardAudit, settings: Settings) => guard.restore(settings)],
] as const)("%s() makes the guard permanent where the folder keeps the record", async (_, end) => {
  using folder = new StateFolder();
  const { guard, settings, loads, told, leftMs } = stage(folder);
  guard.loadFirst(settings, undefined);
  await guard.arm(60_000);
  const takeAgain = refuseRecord(folder);
  await end(guard, settings);
  expect(guard.state).toBe("permanent");
  expect(loads.at(-1)?.guarded.every(({ forMs }) => forMs === undefined)).toBe(true);
  guard.keepAgain();
  takeAgain();
  writeFileSync(folder.file("probation"), "1 60000\n", { mode: 0o600 });
  guard.keepAgain();
  expect(leftMs()).toBeUndefined();
  expect(told).toEqual([
    expect.stringMatching(
      /^failing: A start may take up a probation that is over: Cannot write \S+probation: /,
    ),
    `working: ${folder.file("probation")} is written again`,
  ]);
  await guard.stop();
});

test("loadFirst() goes on with a probation where the folder takes no new record of it", async () => {
  using folder = new StateFolder();
  const { guard, clock, settings, loads, told, leftMs } = stage(folder);
  const file = new ProbationFile(folder.path);
  file.begin(clock.wallMs(), 60_000);
  clock.nowMs += 20_000;
  // Nothing is written where others may write, and what is there can be read.
  chmodSync(folder.path, 0o777);
  guard.loadFirst(settings, undefined);
  expect(guard.leftMs).toBe(40_000);
  expect(loads.at(-1)?.guarded.map(({ forMs }) => forMs)).toEqual([40_000]);
  expect(leftMs()).toBe(40_000);
  // What the folder has says the same.
  expect(told).toEqual([]);
  await guard.stop();
});

test("confirm() says what a start would do where the folder keeps the record", async () => {
  using folder = new StateFolder();
  const { guard, settings } = stage(folder);
  guard.loadFirst(settings, 60_000);
  const takeAgain = refuseRecord(folder);
  const [done, but] = (await guard.confirm(true)).split("\n");
  expect(done).toBe("Confirmed without a proof: the guard is permanent");
  expect(but).toStartWith("A start may take up a probation that is over: Cannot write ");
  takeAgain();
  await guard.stop();
});

test("a probation that begins anew outlives the end of one that the folder had refused", async () => {
  using folder = new StateFolder();
  const { guard, settings, leftMs } = stage(folder);
  guard.loadFirst(settings, 60_000);
  const takeAgain = refuseRecord(folder);
  await guard.confirm(true);
  takeAgain();
  await guard.arm(50_000);
  guard.keepAgain();
  expect(leftMs()).toBe(50_000);
  await guard.stop();
});

test("audit() loads the guard again when closed ports answer otherwise, once", async () => {
  using folder = new StateFolder();
  const { guard, clock, settings, loads, kernel, notes } = stage(folder, doorOf(), "auto");
  kernel.mayDenyUnheard = () => true;
  guard.loadFirst(settings, undefined);
  guard.watch();
  await guard.audit();
  expect(loads.map(({ deny }) => deny)).toEqual([REFUSES]);
  kernel.closedPorts = () => SILENT;
  for (let i = 0; i < 3; i++) {
    clock.nowMs += 30_000;
    await guard.audit();
  }
  expect(loads.map(({ deny }) => deny)).toEqual([REFUSES, SILENT]);
  kernel.closedPorts = () => ({ ip: { tcp: "reset", udp: "drop" }, ip6: "icmpv6 no-route" });
  clock.nowMs += 30_000;
  await guard.audit();
  expect(notes).toEqual([
    "Closed ports are silent now: guarded ports are, too",
    "Closed ports answer otherwise now: guarded ports do, too (TCP over IPv4: refusal, UDP over IPv4: silence, IPv6: icmpv6 no-route)",
  ]);
  await guard.stop();
});

test("a repair keeps the answer, and asks nobody for it", async () => {
  using folder = new StateFolder();
  const { guard, settings, loads, kernel } = stage(folder, doorOf(), "auto");
  guard.loadFirst(settings, undefined);
  guard.watch();
  await guard.audit();
  kernel.closedPorts = () => SILENT;
  const { fingerprint } = kernel;
  kernel.fingerprint = () => (loads.length === 1 ? "changed by somebody" : fingerprint());
  await guard.audit();
  expect(loads.map(({ deny }) => deny)).toEqual([REFUSES, REFUSES]);
  await guard.stop();
});

test("a repair that the kernel refuses is tried again within a second or so", async () => {
  using folder = new StateFolder();
  const { guard, settings, loads, kernel } = stage(folder);
  guard.loadFirst(settings, undefined);
  guard.watch();
  const { load, fingerprint } = kernel;
  kernel.fingerprint = () => (loads.length === 1 ? "changed by somebody" : fingerprint());
  const repaired = Promise.withResolvers<void>();
  kernel.load = () => {
    kernel.load = (plan) => {
      load(plan);
      repaired.resolve();
    };
    throw new Error("no memory");
  };
  await guard.audit();
  expect(loads).toHaveLength(1);
  await repaired.promise;
  expect(loads).toHaveLength(2);
  await guard.stop();
});

test.each(["the look at them", "the grants"] as const)(
  "a repair of the rules is told once all is back, though %s failed in between",
  async (what) => {
    using folder = new StateFolder();
    const { guard, clock, settings, loads, kernel, events, grants } = stage(folder);
    guard.loadFirst(settings, undefined);
    guard.watch();
    loads.push({ ...loads[0]!, deny: REFUSES });
    const { load, fingerprint } = kernel;
    const { repair } = grants;
    const failing = () => {
      throw new Error("no socket");
    };
    kernel.load = (plan) => {
      load(plan);
      if (what === "the look at them") kernel.fingerprint = failing;
    };
    if (what === "the grants") grants.repair = () => Promise.reject(new Error("no socket"));
    await guard.audit();
    expect(events).toEqual([]);
    clock.nowMs += 1_000;
    Object.assign(kernel, { load, fingerprint });
    grants.repair = repair;
    await guard.audit();
    await guard.audit();
    expect(events).toEqual([expect.objectContaining({ rules: true, grants: 0, tookMs: 1_000 })]);
    await guard.stop();
  },
);

test("replace() goes through where the kernel took the guard and did not show it", async () => {
  using folder = new StateFolder();
  const { guard, settings, loads, kernel, events } = stage(folder);
  guard.loadFirst(settings, undefined);
  guard.watch();
  const { fingerprint } = kernel;
  const failing = () => {
    throw new Error("no socket");
  };
  kernel.fingerprint = failing;
  guard.replace({ ...settings, doors: [] });
  kernel.fingerprint = fingerprint;
  await guard.audit();
  expect(loads.map(({ guarded }) => guarded.length)).toEqual([1, 0, 0]);
  await guard.audit();
  expect(loads).toHaveLength(3);
  expect(events).toEqual([]);
  await guard.stop();
});

test("audit() takes the doubt out of the table once the disk has every use", async () => {
  using folder = new StateFolder();
  const { guard, settings, loads, held } = stage(folder);
  held.doubtMs = 90_000;
  guard.loadFirst(settings, undefined);
  guard.watch();
  await guard.audit();
  held.doubtMs = 0;
  await guard.audit();
  await guard.audit();
  expect(loads.map(({ doubtMs }) => doubtMs)).toEqual([90_000, 0]);
  await guard.stop();
});

test.each([
  ["is told how to deny", "drop"],
  ["lapsed", "auto"],
] as const)("a guard that %s does not look at closed ports", async (why, deny) => {
  using folder = new StateFolder();
  const { guard, clock, settings, kernel } = stage(folder, doorOf(), deny);
  guard.loadFirst(settings, undefined);
  if (why === "lapsed") {
    await guard.arm(1_000);
    await Bun.sleep(10);
    expect(guard.state).toBe("lapsed");
  }
  guard.watch();
  let looks = 0;
  kernel.closedPorts = () => (looks++, SILENT);
  kernel.mayDenyUnheard = () => true;
  clock.nowMs += 30_000;
  await guard.audit();
  expect(looks).toBe(0);
  await guard.stop();
});
