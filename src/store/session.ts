/** What the last run of the daemon left: in which boot it ran, until when, and whether it ended in order. */

import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { syncFolder } from "./database.ts";
import { codeOf } from "./sqlite-error.ts";

/** One run of the daemon, as the next one finds it. */
export interface Session {
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
  /** The latest wall-clock time the run knew of: Unix milliseconds. */
  readonly seenMs: number;
}

/**
 * "complete": every use that could be repeated now is known, from the file or from the kernel's own
 * set. "lost": it may not be, so rotating doors have to wait skew + 1 slots.
 */
export type Trust =
  { readonly trust: "complete" } | { readonly trust: "lost"; readonly reason: string };

/** A clock set while slewing, or read back from hardware that counts whole seconds, is this far off. */
const CLOCK_GRAIN_MS = 1_000;

/** How far the clock stands behind a time it has shown before; 0 when it does not. */
export function clockBackMs(seenMs: number, nowMs: number): number {
  const backMs = seenMs - nowMs;
  return backMs > CLOCK_GRAIN_MS ? backMs : 0;
}

/** Judges an undamaged record. `stopped` is what the marker of a clean stop said, if there was one. */
export function judgeSession(
  last: Session | undefined,
  stopped: string | undefined,
  bootId: string,
): Trust {
  if (last === undefined)
    return { trust: "lost", reason: "the record of used knocks has no session" };
  // In the same boot the kernel's set holds what a killed daemon had not yet written.
  if (last.bootId === bootId || stopped === last.bootId) return { trust: "complete" };
  return {
    trust: "lost",
    reason: "the machine was started anew and sallyport had not been stopped before",
  };
}

function markerPath(stateDir: string): string {
  return join(stateDir, "clean-stop");
}

/**
 * Reads the marker of a clean stop and takes it away, before anything is written: removing a file works
 * on a full disk too, where a flag inside a database could not be cleared and would vouch for a run it
 * never saw. Answers the boot id it names; undefined without a marker. Never throws.
 */
export function takeCleanStop(stateDir: string): string | undefined {
  const path = markerPath(stateDir);
  try {
    const bootId = readFileSync(path, "utf8").trim();
    rmSync(path, { force: true });
    syncFolder(stateDir);
    return bootId;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return readIfPossible(path);
  }
}

/** On a read-only file system the marker stays, and still tells the truth of the run before this one. */
function readIfPossible(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Leaves the marker of a clean stop; without it the next boot waits, so a failure needs no report. */
export function leaveCleanStop(stateDir: string, bootId: string): void {
  const path = markerPath(stateDir);
  const beside = `${path}.new`;
  try {
    const fd = openSync(beside, "w", 0o600);
    try {
      writeFileSync(fd, `${bootId}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, path);
    syncFolder(dirname(path));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    rmSync(beside, { force: true });
  }
}
