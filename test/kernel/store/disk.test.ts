/** The stores on disks that fail for real: a tmpfs that is full, or remounted read-only. */

import { describe, expect, test } from "bun:test";
import { onTmpfs } from "./mounted.ts";

const LIMIT_MS = 60_000;

const WITHOUT = {
  uses: "uses of knocks are remembered only until a reboot",
  owed: "close commands are remembered only as long as this daemon lives",
  audit: "events are not kept",
};

function failing(state: string, remedy: string) {
  return expect.arrayContaining(
    (["uses", "owed", "audit"] as const).map((name) =>
      expect.stringMatching(
        new RegExp(
          `^failing: Cannot write .*/${name}\\.db: ${state}: ${WITHOUT[name]}: ${remedy}$`,
        ),
      ),
    ),
  );
}

const working = expect.arrayContaining(
  ["uses", "owed", "audit"].map((name) =>
    expect.stringMatching(new RegExp(`^working: .*/${name}\\.db`)),
  ),
);

describe("a disk that fails under a running daemon", () => {
  test.each([
    ["read-only", "4M", "the file system is read-only", "make it writable"],
    ["full", "512k", "the disk is full", "make room"],
  ])(
    "%s: is told once, forgets nothing, and everything is written when it works again",
    (scenario, size, state, remedy) => {
      const seen = onTmpfs("disk-scenarios.ts", scenario, size) as Record<string, unknown[]>;
      expect(seen["before"]).toEqual([true, true, []]);
      expect(seen["claimed"] as unknown).toBe("a");
      expect(seen["broken"]).toEqual([false, false, false, false, 600]);
      expect(seen["brokenNotices"]).toHaveLength(3);
      expect(seen["brokenNotices"]).toEqual(failing(state, remedy));
      const [uses, audit, notices] = seen["mended"]!;
      expect([uses, audit, notices]).toEqual([true, true, working]);
      expect(notices).toHaveLength(3);
      // 500 debts of the 501: the claimed one was settled.
      expect(seen["after"]).toEqual(["complete", 600, 500, 501]);
    },
    LIMIT_MS,
  );
});

test(
  "a file system with the state of another run, mounted over the folder, is told and not written to",
  () => {
    const seen = onTmpfs("disk-scenarios.ts", "mounted over", "4M");
    expect(seen).toEqual({
      before: [true, true, []],
      written: [false, false],
      again: [false, false],
      elsewhere: [true, true, true],
      brokenNotices: failing(
        "another file system is mounted over its folder",
        "start sallyport again",
      ),
      left: [true, ["keys.toml", "uses.db"]],
    });
  },
  LIMIT_MS,
);

describe("a disk that fails from the start", () => {
  test(
    "read-only: the uses of the killed run are known, also those only in its log",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "read-only from the start", "4M");
      expect(seen).toEqual({
        signal: "SIGKILL",
        trust: "complete",
        found: [3],
        written: [false, false, ["1", "2", "3"]],
        again: [false, 5_000],
        brokenNotices: failing("the file system is read-only", "make it writable"),
        // The main file alone is readable there; the log's events appear when it is writable again.
        read: expect.any(Number),
      });
    },
    LIMIT_MS,
  );

  test(
    "read-only at the start alone: no marker of the time before vouches for the run once it is written",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "read-only at the start", "4M");
      expect(seen).toEqual({ trust: "complete", refused: false, written: true, left: [] });
    },
    LIMIT_MS,
  );

  test(
    "read-only after a clean stop: the kernel's table must vouch for what came after",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "read-only after a clean stop", "4M");
      expect(seen).toEqual({
        kept: "complete",
        gone: "lost",
        keptAfterBoot: "complete",
        goneAfterBoot: "lost",
      });
    },
    LIMIT_MS,
  );

  test(
    "full: doors wait, nothing half made is left, and memory is written when there is room",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "full from the start", "128k");
      expect(seen).toEqual({
        broken: ["lost", false, false, "a", ["filler"]],
        brokenNotices: failing("the disk is full", "make room"),
        mended: [true, 2],
        after: ["complete", 100],
      });
    },
    LIMIT_MS,
  );

  test(
    "full: the audit log of another run says so, too",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "full at a start with an audit log", "256k");
      expect(seen).toEqual([
        expect.stringMatching(
          /^failing: Cannot write .*audit\.db: the disk is full: .*: make room$/,
        ),
      ]);
    },
    LIMIT_MS,
  );

  test(
    "full after a clean stop: the stop does not vouch for the run that could write nothing",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "full at a start after a clean stop", "256k");
      expect(seen).toEqual({ trust: "complete", written: false, left: [] });
    },
    LIMIT_MS,
  );

  test(
    "full at an upgrade: every use of the older version is known, and taken over when there is room",
    () => {
      const seen = onTmpfs("disk-scenarios.ts", "full at an upgrade", "128k");
      expect(seen).toEqual({
        found: ["complete", ["slow", "ssh", "web"], false],
        versions: [1, 2],
        after: ["complete", ["slow", "ssh", "web"], 1],
      });
    },
    LIMIT_MS,
  );
});
