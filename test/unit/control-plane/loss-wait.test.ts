/**
 * The wait after a loss of memory: how long readiness stays red, and the effect of a clock that is
 * set.
 */

import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { readAudit } from "../../../src/control-plane/audit-access.ts";
import { LossWait } from "../../../src/control-plane/loss-wait.ts";
import { Readiness } from "../../../src/control-plane/readiness.ts";
import { PersistentState } from "../../../src/control-plane/persistent-state.ts";
import { device, NOW } from "../../support/matcher.ts";
import { StateFolder } from "../../support/store.ts";
import { HandClock } from "../../support/daemon.ts";

const ALICE = device("ssh alice laptop");

/** A daemon that starts with its whole memory, or with its record of uses gone. */
function stage(folder: StateFolder, { forgets }: { forgets: boolean }) {
  new PersistentState(folder.path, { nowMs: NOW, report: folder.report }).close(NOW);
  if (forgets) rmSync(folder.file("uses.db"));
  const clock = new HandClock();
  const persistent = new PersistentState(folder.path, { nowMs: NOW, report: folder.report });
  const readiness = new Readiness();
  let applied = 0;
  const wait = new LossWait({
    clock,
    readiness,
    persistent,
    subjects: () => [ALICE],
    applyDoubt: async () => void applied++,
  });
  return {
    clock,
    persistent,
    readiness,
    wait,
    applied: () => applied,
  };
}

describe("LossWait", () => {
  test("tell() waits for nothing without a loss, also where the clock is before 1970", () => {
    using folder = new StateFolder();
    const { clock, wait, readiness, persistent } = stage(folder, { forgets: false });
    clock.nowMs = -1_000_000_000;
    expect(wait.tell()).toBe(false);
    expect(readiness.reasons()).toEqual([]);
    persistent.close(NOW, false);
    expect(existsSync(folder.file("uses-doubtful"))).toBe(false);
  });

  test("tell() keeps readiness red for skew + 1 slots after a loss, and notes it once", () => {
    using folder = new StateFolder();
    const { clock, wait, readiness, persistent } = stage(folder, { forgets: true });
    expect(wait.tell()).toBe(true);
    // 15 s of this slot are left, and one slot of skew follows.
    expect(readiness.reasons()[0]).toEqual({
      code: "clock",
      detail:
        "Rotating doors wait 45 s, until no knock used before can open them: the record of used knocks is missing",
    });
    clock.nowMs += 44_999;
    wait.tell();
    expect(readiness.reasons()[0]?.detail).toContain("wait 1 s");
    clock.nowMs += 1;
    expect(wait.tell()).toBe(false);
    expect(readiness.reasons()).toEqual([]);
    persistent.close(NOW);
    const noted = [...readAudit(folder.path, { type: "uses.lost" })].map(({ detail }) => detail);
    expect(noted).toMatchObject([{ atMs: NOW, waitMs: 45_000 }]);
  });

  test("tell() lets a run after this one know of the loss as long as that would believe a knock of before", () => {
    using folder = new StateFolder();
    const { clock, wait, persistent } = stage(folder, { forgets: true });
    const [refused] = persistent.usesFor([ALICE]);
    expect(refused).toMatchObject({ doubtful: true });
    // The wait ends after 45 s. A sequence of a slot ahead can be believed for one more slot.
    clock.nowMs += 74_999;
    expect(wait.tell()).toBe(false);
    persistent.close(clock.wallMs());
    const again = () =>
      new PersistentState(folder.path, { nowMs: clock.wallMs(), report: folder.report });
    const next = again();
    expect(next.usesFor([ALICE])).toEqual([refused!]);
    expect(next.waitsUntilMs([ALICE])).toBeLessThan(clock.wallMs());
    clock.nowMs += 1;
    next.keepDoubt(next.doubtsUntilMs([ALICE]) > clock.wallMs());
    next.close(clock.wallMs());
    const last = again();
    expect(last.usesFor([ALICE])).toEqual([]);
    last.close(clock.wallMs());
  });

  test("watchClock() begins the wait anew when the clock is set after a loss", async () => {
    using folder = new StateFolder();
    const { clock, wait, readiness, persistent, applied } = stage(folder, { forgets: true });
    clock.nowMs += 45_000;
    await wait.watchClock();
    wait.tell();
    expect([readiness.has("clock"), applied()]).toEqual([false, 0]);
    for (const setByMs of [-3_600_000, 0]) {
      clock.setByMs = setByMs;
      await wait.watchClock();
      wait.tell();
      expect(readiness.has("clock")).toBe(true);
    }
    expect(applied()).toBe(2);
    persistent.close(NOW);
  });

  test("says nothing where nothing was lost, however the clock is set", async () => {
    using folder = new StateFolder();
    const { clock, wait, readiness, persistent, applied } = stage(folder, { forgets: false });
    clock.setByMs = 86_400_000;
    await wait.watchClock();
    wait.tell();
    expect([readiness.reasons(), applied()]).toEqual([[], 0]);
    persistent.close(NOW);
  });
});
