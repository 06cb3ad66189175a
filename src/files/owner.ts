/**
 * Root's work in a folder of another user, such as the state folder of the service's user. The
 * owner of a folder can replace any name in it by a link, a pipe or another file, between any two
 * calls. So root does there only what the owner could do too.
 */

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { ExitCode, OpError, SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { withFileIdentity } from "../native/file-identity.ts";

/**
 * Nobody's group (linux/highuid.h, DEFAULT_OVERFLOWGID): root's own would bring rights that the
 * owner lacks.
 */
const NO_GROUP = 65_534;
const NOBODY = 65_534;

/** What a folder is, with its owner; undefined where there is none, or this user may not look. */
export function seenFolder(folder: string): Stats | undefined {
  try {
    return statSync(folder);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Whether root is about to work in another user's folder. */
export function isForeign(folder: string): boolean {
  return process.geteuid!() === 0 && statSync(folder).uid !== 0;
}

/**
 * Runs `work`, which must not return a promise. Where root runs this in another user's folder,
 * `work` has only the owner's rights. The kernel then refuses everything that the owner could not
 * do, however often he changes the meaning of a name: no file of root's is opened, made or changed,
 * and new files are his from the start. Throws the errors of `work` and of stat(2) for the folder,
 * and SallyportError where root lacks the capability to act as another user.
 */
export function asOwnerOf<T>(folder: string, work: () => T): T {
  if (process.geteuid!() !== 0) return work();
  const { uid, gid } = statSync(folder);
  if (uid === 0) return work();
  try {
    return withFileIdentity({ uid, gid: gid === 0 ? NO_GROUP : gid }, work);
  } catch (error) {
    if (!(error instanceof OpError) || error.operation !== "take the file rights of") throw error;
    throw new SallyportError(
      `Cannot work in ${folder} as its owner, uid ${uid}: ${error.detail}: run with CAP_SETUID and CAP_SETGID, or as that user`,
      ExitCode.privilege,
      { cause: error },
    );
  }
}

/**
 * Runs `work` with nobody's rights where root runs this: for files that are open and whose folder is
 * gone, so that no name is followed. `work` must not return a promise.
 */
export function asNobody<T>(work: () => T): T {
  if (process.geteuid!() !== 0) return work();
  return withFileIdentity({ uid: NOBODY, gid: NO_GROUP }, work);
}

/**
 * Makes a folder (mode 0700) and the missing ones above it, each with the rights of the owner of
 * its parent. Those that are root's let everybody through (0755, whatever the umask): the folder may
 * become the service's user's, who could not reach it otherwise.
 */
export function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  const above = dirname(folder);
  makeWayTo(above);
  asOwnerOf(above, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
}

function makeWayTo(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  makeFolder(folder);
  if (process.geteuid!() === 0) letThrough(folder);
}

/** Where others may write to the folder above, they may have put another folder, or a link, in the place of ours. */
function letThrough(folder: string): void {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const fd = openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (fstatSync(fd).uid === 0) fchmodSync(fd, 0o755);
  } finally {
    closeSync(fd);
  }
}
