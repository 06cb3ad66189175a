/**
 * The state that outlives a daemon, in real files: uses under their keys, and the wait after a
 * loss.
 */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { formatAddress } from "../../../src/core/address.ts";
import { PersistentState } from "../../../src/control-plane/persistent-state.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { slotAt } from "../../../src/rks/slot.ts";
import { grantOf, opened, StateFolder } from "../../support/store.ts";
import { device, NOW, SLOT } from "../../support/matcher.ts";

const ALICE = device("ssh alice laptop");
const SLOW = device("web bob phone", { ...DEFAULT_SPACE, stepSeconds: 300, skew: 2 });

/** A life of the daemon in the folder. */
function open(folder: StateFolder, nowMs = NOW): PersistentState {
  return new PersistentState(folder.path, { nowMs, report: folder.report });
}

function knocked(slot: number, atMs = NOW) {
  return { ...opened(atMs, grantOf("203.0.113.7")), used: { slot, stepSeconds: 30 } };
}

/** A folder in which a daemon ran and stopped in order, and whose record of uses is gone. */
function forgetful(): StateFolder {
  const folder = new StateFolder();
  open(folder).close(NOW);
  rmSync(folder.file("uses.db"));
  return folder;
}

/** Adds a use that no sallyport wrote. */
function spoilARow(folder: StateFolder): void {
  using database = new Database(folder.file("uses.db"), { readwrite: true });
  database.run(
    "INSERT INTO uses SELECT 'web', fingerprint, user, device, step_seconds, slot, source, time_ms, seal FROM uses",
  );
}

describe("PersistentState", () => {
  test("a first start has lost nothing, so nobody waits", () => {
    using folder = new StateFolder();
    const persistent = open(folder);
    expect(persistent.lost).toBeUndefined();
    expect([persistent.usesFor([ALICE]), persistent.waitsUntilMs([ALICE])]).toEqual([
      [],
      -Infinity,
    ]);
    persistent.close(NOW);
    expect(folder.notices).toEqual([]);
  });

  test("usesFor() gives the next daemon each use, with its source and time, forward only", () => {
    using folder = new StateFolder();
    const first = open(folder);
    first.hear(knocked(SLOT, NOW + 0.25), [ALICE, SLOW]);
    first.hear(knocked(SLOT - 1), [ALICE, SLOW]);
    first.close(NOW);
    const second = open(folder);
    expect(second.lost).toBeUndefined();
    const [use, ...more] = second.usesFor([ALICE, SLOW]);
    expect(more).toEqual([]);
    expect(use).toMatchObject({ door: "ssh", user: "alice", device: "laptop", slot: SLOT });
    expect([formatAddress(use!.source!), use!.timeMs]).toEqual(["203.0.113.7", NOW]);
    second.close(NOW);
  });

  test("usesFor() knows a key by itself: renamed it is spent, a new one of the same name is not", () => {
    using folder = new StateFolder();
    const persistent = open(folder);
    persistent.hear(knocked(SLOT), [ALICE]);
    const renamed = { ...ALICE, user: "alicia", device: "desk" };
    const fresh = { ...ALICE, key: new Uint8Array(32) };
    expect(persistent.usesFor([renamed, fresh]).map(({ user, slot }) => [user, slot])).toEqual([
      ["alicia", SLOT],
    ]);
    persistent.close(NOW);
  });

  test("hear() takes no use from a grant without a slot, or of a subject that is not there", () => {
    using folder = new StateFolder();
    const persistent = open(folder);
    persistent.hear(opened(NOW), [ALICE]);
    persistent.hear(knocked(SLOT), [SLOW]);
    expect(persistent.usesFor([ALICE, SLOW])).toEqual([]);
    persistent.close(NOW);
  });

  test("after a loss, every slot that a client may have used is spent, each door by its own terms", () => {
    using folder = forgetful();
    const persistent = open(folder);
    expect(persistent.lost).toBe("the record of used knocks is missing");
    const slots = persistent.usesFor([ALICE, SLOW]).map(({ slot }) => slot);
    expect(slots).toEqual([SLOT + 1, slotAt(NOW, 300) + 2]);
    // The wait ends exactly when the first slot that is not spent begins.
    for (const [i, subject] of [ALICE, SLOW].entries()) {
      const untilMs = persistent.waitsUntilMs([subject]);
      const { stepSeconds } = subject.space;
      expect([slotAt(untilMs - 1, stepSeconds), slotAt(untilMs, stepSeconds)]).toEqual([
        slots[i]!,
        slots[i]! + 1,
      ]);
    }
    expect(persistent.waitsUntilMs([ALICE, SLOW])).toBe(persistent.waitsUntilMs([SLOW]));
    persistent.close(NOW);
  });

  test("a wait goes on after a stop or a kill within it, from its own beginning, and never again", () => {
    for (const end of ["stop", "kill"] as const) {
      using folder = forgetful();
      const first = open(folder);
      const untilMs = first.waitsUntilMs([ALICE]);
      first.keepDoubt(true);
      if (end === "stop") first.close(NOW + 5_000);
      else first.close(NOW + 5_000, false);
      const second = open(folder, NOW + 10_000);
      expect(second.lost).toBe("the wait after a loss was not over when sallyport ended");
      expect(second.waitsUntilMs([ALICE])).toBe(untilMs);
      second.keepDoubt(false);
      second.close(untilMs);
      const third = open(folder, untilMs);
      expect(third.lost).toBeUndefined();
      third.close(untilMs);
    }
  });

  test("a wait begins anew where the clock was set while no daemon ran, or one that had not noticed yet", () => {
    using folder = forgetful();
    const life = (nowMs: number, bootedMs: number) =>
      new PersistentState(folder.path, { nowMs, report: folder.report, bootedMs: () => bootedMs });
    const first = life(NOW, NOW - 60_000);
    const waitMs = first.waitsUntilMs([ALICE]) - NOW;
    first.close(NOW + 5_000, false);
    // An hour by the clock, and ten seconds in truth: a board that was told the time.
    const nowMs = NOW + 3_600_000;
    const second = life(nowMs, nowMs - 70_000);
    expect(second.waitsUntilMs([ALICE])).toBe(nowMs + waitMs);
    second.close(nowMs, false);
    // Clocks drift.
    const third = life(nowMs + 5_000, nowMs - 69_500);
    expect(third.waitsUntilMs([ALICE])).toBe(nowMs + waitMs);
    third.close(nowMs);
  });

  test("a wait of an earlier sallyport, which noted no boot, goes on", () => {
    using folder = forgetful();
    const first = open(folder);
    const untilMs = first.waitsUntilMs([ALICE]);
    first.close(NOW, false);
    writeFileSync(folder.file("uses-doubtful"), `${NOW}\n`, { mode: 0o600 });
    const second = open(folder, NOW + 10_000);
    expect(second.waitsUntilMs([ALICE])).toBe(untilMs);
    second.close(NOW);
  });

  test("learn() keeps for the next boot what only the kernel knew", () => {
    using folder = new StateFolder();
    const first = open(folder);
    const use = { door: "ssh", user: "alice", device: "laptop", stepSeconds: 30, slot: SLOT };
    first.learn([use, { ...use, user: "nobody" }], [ALICE]);
    first.close(NOW);
    const second = open(folder);
    expect(second.usesFor([ALICE])).toEqual([use]);
    second.close(NOW);
  });

  test("clockWasSet() counts the doubt of a loss anew, and changes nothing without one", () => {
    using folder = forgetful();
    const lost = open(folder);
    lost.clockWasSet(NOW + 3_600_000);
    expect(lost.usesFor([ALICE])[0]!.slot).toBe(SLOT + 120 + 1);
    lost.close(NOW);
    using intact = new StateFolder();
    const sure = open(intact);
    sure.clockWasSet(NOW + 3_600_000);
    expect([sure.usesFor([ALICE]), sure.waitsUntilMs([ALICE])]).toEqual([[], -Infinity]);
    sure.close(NOW);
  });

  test.each([
    ["a stop in order", false],
    ["a loss", true],
  ])(
    "a boot in 1970 after %s, corrected later, accepts nothing used and locks nobody out",
    (_, loses) => {
      const EPOCH = 100_000;
      using folder = new StateFolder();
      const before = open(folder);
      before.hear(knocked(SLOT), [ALICE]);
      before.close(NOW);
      // Rows whose seal is broken are lost, and the others are kept.
      if (loses) spoilARow(folder);
      const persistent = open(folder, EPOCH);
      expect(persistent.waitsUntilMs([ALICE])).toBeLessThanOrEqual(loses ? EPOCH + 60_000 : 0);
      const correctedMs = NOW + 90_000;
      persistent.clockWasSet(correctedMs);
      const spent = persistent.usesFor([ALICE]).map(({ slot }) => slot);
      expect(spent).toContain(SLOT);
      expect(Math.max(...spent)).toBeLessThanOrEqual(slotAt(correctedMs, 30) + (loses ? 1 : -1));
      expect(persistent.waitsUntilMs([ALICE])).toBeLessThanOrEqual(
        loses ? correctedMs + 60_000 : 0,
      );
      persistent.close(correctedMs);
    },
  );

  test("a damaged record is reported, moved aside and waited for, and the work goes on", () => {
    using folder = new StateFolder();
    writeFileSync(folder.file("uses.db"), "this is no database, and longer than a header of one\n");
    const persistent = open(folder);
    expect(persistent.lost).toBe("the record of used knocks was damaged");
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    persistent.hear(knocked(SLOT), [ALICE]);
    expect(persistent.usesFor([ALICE]).map(({ slot }) => slot)).toEqual([SLOT, SLOT + 1]);
    persistent.close(NOW);
  });
});
