/**
 * The record of the daemon's last run: in which boot it ran, until when, and whether it ended in
 * order.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../core/errors.ts";
import { FIRST_START_FILE } from "../core/state-files.ts";
import {
  readPrivateFile,
  removePrivateFile,
  removePrivateFileForGood,
  writePrivateFile,
} from "../files/private-file.ts";
import { codeOf } from "./sqlite-error.ts";

/** One run of the daemon, as the next run finds it. */
export interface Session {
  /** /proc/sys/kernel/random/boot_id, or `IN_DOUBT`. */
  readonly bootId: string;
  /** The latest wall-clock time the run knew of: Unix milliseconds. */
  readonly seenMs: number;
}

/** In place of the boot of a run that waits after a loss, where the disk does not say so otherwise. */
export const IN_DOUBT = "in doubt";

export const WAIT_NOT_OVER = "the wait after a loss was not over when sallyport ended";

/**
 * "complete": every use that could be repeated now is known, from the file or from the kernel's own
 * set. "lost": some may be unknown, so rotating doors must wait skew + 1 slots.
 */
export type Trust =
  | { readonly trust: "complete" }
  | {
      readonly trust: "lost";
      readonly reason: string;
      /** When the wait began: Unix milliseconds. Absent: now. */
      readonly sinceMs?: number;
    };

/** The present, which the record of the last run is judged by. */
export interface Present {
  readonly bootId: string;
  /** The boot id of the clean-stop marker, if there was one. */
  readonly stopped: string | undefined;
  /** The disk kept the markers: runs that left no trace may have come after what they tell. */
  readonly areMarkersKept: boolean;
  /** The kernel still has the table of the last run, with its set of uses. */
  readonly kernelKept: () => boolean;
}

/** Judges an undamaged record. */
export function judgeSession(
  last: Session | undefined,
  { bootId, stopped, areMarkersKept, kernelKept }: Present,
): Trust {
  if (last === undefined)
    return { trust: "lost", reason: "the record of used knocks has no session" };
  if (last.bootId === IN_DOUBT) return { trust: "lost", reason: WAIT_NOT_OVER };
  if (stopped === last.bootId) {
    return areMarkersKept ? judgeKept(kernelKept) : { trust: "complete" };
  }
  if (last.bootId !== bootId) {
    return {
      trust: "lost",
      reason: "the machine was started anew and sallyport had not been stopped before",
    };
  }
  // The kernel's set holds the uses that a killed daemon had not yet written.
  if (kernelKept()) return { trust: "complete" };
  const reason =
    "sallyport had not been stopped before, or could not write that down, and no table in the kernel vouches for all used knocks";
  return { trust: "lost", reason };
}

/** Where the disk kept the markers, the kernel must vouch for what came after them. */
export function judgeKept(kernelKept: () => boolean): Trust {
  const reason =
    "the disk did not let the marker of an earlier stop or start go, so that it may hide runs since";
  return kernelKept() ? { trust: "complete" } : { trust: "lost", reason };
}

function markerPath(stateDir: string): string {
  return join(stateDir, "clean-stop");
}

/**
 * Reads the marker of a clean stop, and removes the markers before anything is written. Returns the boot id that it
 * names; undefined without one. Never throws.
 */
export function takeCleanStop(stateDir: string): string | undefined {
  const bootId = unlessRefused(() => readPrivateFile(markerPath(stateDir))?.trim());
  dropMarkers(stateDir);
  return bootId;
}

/**
 * Removes the markers of a first start and of a clean stop: they vouch for the time before this run. Removing a file
 * works on a full disk too; a flag inside a database could not be cleared there. Returns whether they are gone. On a
 * read-only file system they stay, and are true as long as this run leaves no trace there.
 */
export function dropMarkers(stateDir: string): boolean {
  const isDropped = (drop: () => void) =>
    unlessRefused(() => {
      drop();
      return true;
    }) === true;
  const isFirst = isDropped(() => removePrivateFile(join(stateDir, FIRST_START_FILE)));
  return isDropped(() => removePrivateFileForGood(markerPath(stateDir))) && isFirst;
}

/** Whether one of them is there. */
export function hasMarkers(stateDir: string): boolean {
  return existsSync(markerPath(stateDir)) || existsSync(join(stateDir, FIRST_START_FILE));
}

/**
 * Leaves the marker of a clean stop. A failure needs no report: without the marker the next boot
 * waits.
 */
export function leaveCleanStop(stateDir: string, bootId: string): void {
  unlessRefused(() => writePrivateFile(markerPath(stateDir), `${bootId}\n`));
}

function unwrittenPath(stateDir: string): string {
  return join(stateDir, "uses-unwritten");
}

/**
 * Whether a run that could not write into uses.db, since a later sallyport had made that file, left
 * a mark. The kernel cannot vouch for the knocks that it heard: the sets of the later one may
 * differ.
 */
export function ranUnwritten(stateDir: string): boolean {
  return unlessRefused(() => readPrivateFile(unwrittenPath(stateDir)) !== undefined) ?? true;
}

/** Leaves that mark, or removes it. */
export function markUnwritten(stateDir: string, unwritten: boolean): void {
  const path = unwrittenPath(stateDir);
  unlessRefused(() => (unwritten ? writePrivateFile(path, "") : removePrivateFile(path)));
}

function doubtPath(stateDir: string): string {
  return join(stateDir, "uses-doubtful");
}

/** A wait after a loss, as the next run finds it. */
export interface Doubt {
  /** When it began: Unix milliseconds. */
  readonly sinceMs: number;
  /** When the boot began, by the clock of then. Absent where an earlier sallyport wrote it. */
  readonly bootedMs?: number;
}

/**
 * Since when a run that is over waited after a loss; undefined where its wait was over, too. The
 * kernel may not have been told yet what that run refused.
 */
export function readDoubt(stateDir: string): Doubt | undefined {
  const text = unlessRefused(() => readPrivateFile(doubtPath(stateDir)));
  if (text === undefined) return undefined;
  const [sinceMs = NaN, bootedMs] = text.trim().split(" ").map(Number);
  return bootedMs === undefined ? { sinceMs } : { sinceMs, bootedMs };
}

/** Leaves that for the next run, or removes it. Makes no folder. Returns whether the disk took it. */
export function noteDoubt(stateDir: string, doubt: Required<Doubt> | undefined): boolean {
  const path = doubtPath(stateDir);
  const isNoted = unlessRefused(() => {
    if (doubt === undefined) removePrivateFile(path);
    else if (!existsSync(stateDir)) return false;
    else writePrivateFile(path, `${doubt.sinceMs} ${Math.round(doubt.bootedMs)}\n`);
    return true;
  });
  return isNoted === true;
}

/** Undefined where the disk refuses, or something else is in the marker's place. */
function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === undefined && !(error instanceof SallyportError)) throw error;
    return undefined;
  }
}
