/** Check: the state folder can be written, at least by this user. */

import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, errnoOf } from "../core/system-error.ts";
import { type Findings, ok, problem, unseen, warning } from "../core/finding.ts";

export interface StateFacts {
  readonly path: string;
  readonly kind: "folder" | "missing" | "other" | "hidden";
  /** The errno name of this user's failed write: "EROFS", "EACCES". */
  readonly refusal?: string;
  /** Bytes left to users without privilege; absent where the file system does not tell. */
  readonly freeBytes?: number;
}

export function readStateFolder(path: string): StateFacts {
  try {
    if (!statSync(path).isDirectory()) return { path, kind: "other" };
  } catch (error) {
    const hidden = codeOf(error) === "EACCES";
    const parent = existingParent(path);
    if (codeOf(error) === "ENOTDIR") return { path: parent, kind: "other" };
    return { path, kind: hidden ? "hidden" : "missing", ...writable(parent) };
  }
  return { path, kind: "folder", ...writable(path) };
}

function existingParent(path: string): string {
  for (let parent = dirname(path); parent !== "/"; parent = dirname(parent)) {
    if (isSeen(parent)) return parent;
  }
  return "/";
}

/** Whether there is something; below a folder that lets this user not through, nothing is seen. */
function isSeen(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function writable(path: string): Pick<StateFacts, "refusal" | "freeBytes"> {
  let freeBytes: { freeBytes?: number } = {};
  try {
    const { bavail, bsize } = statfsSync(path);
    freeBytes = { freeBytes: bavail * bsize };
  } catch {
    // A file system that does not count.
  }
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return freeBytes;
  } catch (error) {
    return { ...freeBytes, refusal: errnoOf(error) };
  }
}

/** A disk with less room than this is full soon. */
const SCARCE_BYTES = 16 * 1_024 * 1_024;

export function checkStateFolder({ path, kind, refusal, freeBytes }: StateFacts): Findings {
  if (kind === "other") {
    return [problem(`${path} is no folder`, "move it away, or set server.state_dir")];
  }
  if (kind === "hidden") return [unseen(path, "run as root, or as the user that runs sallyport")];
  if (refusal === "EROFS") {
    return [
      problem(
        `${path} is on a file system that is mounted read-only: used knocks cannot be remembered`,
        "mount it writable, or set server.state_dir",
      ),
    ];
  }
  if (refusal !== undefined) {
    return [
      unseen(`whether sallyport may write to ${path}`, "run as root, or as the user that runs it"),
    ];
  }
  if (freeBytes !== undefined && freeBytes < SCARCE_BYTES) {
    return [
      warning(
        `The disk of ${path} has ${Math.floor(freeBytes / 1_024)} KiB left: used knocks and the log of openings will not be kept`,
        "make room",
      ),
    ];
  }
  if (kind === "missing") {
    return [warning(`${path} does not exist yet`, "add a user or start sallyport: both make it")];
  }
  return [ok(`${path} can be written`)];
}
