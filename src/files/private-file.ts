/** Files that only their owner may read: read with suspicion, written whole or not at all. */

import { constants, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { shellWord } from "../core/shell-command.ts";
import { diskState, errnoOf, shortageRemedy } from "../core/system-error.ts";
import { describeInTheWay } from "./in-the-way.ts";
import { asOwnerOf, makeFolder } from "./owner.ts";
import { type Placing, placeText, syncFolder } from "./place-text.ts";
import { openRegularFile, readRegularFile } from "./regular-file.ts";
import { removeFile } from "./remove-file.ts";

function refuse(file: string, reason: string): never {
  throw new SallyportError(`Cannot trust ${file}: ${reason}`, ExitCode.config);
}

/**
 * The users who may own the folder of a private file: root, this process, and for root the server's
 * own user. Where nobody else may write to the parent, only root can have made the folder; in /tmp
 * anybody could have made it beforehand, with keys of his own in it.
 */
function mayOwn(uid: number, folder: string): boolean {
  const self = process.geteuid!();
  if (uid === 0 || uid === self) return true;
  if (self !== 0) return false;
  const above = statSync(dirname(realpathSync(folder)));
  return above.uid === 0 && (above.mode & 0o022) === 0;
}

/** Anybody who can write to the folder can replace this file. Returns the folder's owner. */
function checkFolder(folder: string, file: string): number {
  const { mode, uid } = statSync(folder);
  if (!mayOwn(uid, folder)) {
    refuse(file, `${folder} belongs to uid ${uid}: run "chown root ${shellWord(folder)}"`);
  }
  if ((mode & 0o022) !== 0) {
    refuse(file, `others may write to ${folder}: run "chmod go-w ${shellWord(folder)}"`);
  }
  return uid;
}

/**
 * Root reads only files that belong to the folder's owner: a file of another user there is a hard
 * link, by which the owner would read a forbidden file. Other users can read only their own files
 * anyway.
 */
function checkOwner(uid: number, folderUid: number, file: string): void {
  const self = process.geteuid!();
  if (uid === folderUid || (self !== 0 && (uid === self || uid === 0))) return;
  refuse(
    file,
    `it belongs to uid ${uid}: run "chown ${folderUid} ${shellWord(file)}" if it is yours`,
  );
}

/**
 * The text of a private file, undefined when it does not exist. Throws (exit 78) unless it is a
 * regular file of mode 0600 or less that belongs to its folder's owner: root, this user or the
 * server's own, and nobody else may write to the folder. Never waits for a pipe and follows no
 * link.
 */
export function readPrivateFile(file: string): string | undefined {
  return readRegularFile(file, ({ mode, uid }) => {
    if ((mode & 0o077) !== 0) {
      refuse(file, `others may read it: run "chmod 600 ${shellWord(file)}" and make new keys`);
    }
    checkOwner(uid, checkFolder(dirname(file), file), file);
  });
}

function cannotWrite(file: string, error: unknown): SallyportError {
  const code = errnoOf(error);
  if (code === "ENOTDIR") {
    const { state, remedy } = describeInTheWay(file);
    return new SallyportError(`Cannot write ${file}: ${state}: ${remedy}`, ExitCode.config);
  }
  const denied = code === "EACCES" || code === "EPERM";
  const { state, remedy } = diskState(code) ?? { state: code, remedy: remedyFor(code, file) };
  return new SallyportError(
    `Cannot write ${file}: ${state}: ${remedy}`,
    denied ? ExitCode.privilege : ExitCode.failure,
  );
}

function remedyFor(code: string, file: string): string {
  if (code === "EISDIR") return "take away the folder in its place";
  if (code !== "EACCES" && code !== "EPERM") {
    return shortageRemedy(code) ?? "make room or make the folder writable";
  }
  return process.geteuid!() === 0
    ? `let its owner reach ${dirname(file)} and write to it`
    : "run as root or as the server's user";
}

function placePrivately(file: string, text: string, how: Placing["how"]): void {
  const folder = dirname(file);
  try {
    makeFolder(folder);
    checkFolder(folder, file);
    // No file is given to the owner afterwards: its name may lead to another file by then.
    asOwnerOf(folder, () => placeText(file, text, { mode: 0o600, how }));
  } catch (error) {
    if (error instanceof SallyportError || errnoOf(error) === "EEXIST") throw error;
    throw cannotWrite(file, error);
  }
}

/**
 * Opens a private file, or makes an empty one, to lock it: with the rights of its folder's owner, and as suspicious as
 * `readPrivateFile`. The caller closes it. Throws SallyportError.
 */
export function openPrivateFile(file: string): number {
  const folder = dirname(file);
  try {
    makeFolder(folder);
    const folderUid = checkFolder(folder, file);
    const flags = constants.O_RDWR | constants.O_CREAT;
    return asOwnerOf(folder, () =>
      openRegularFile(file, flags, ({ uid }) => checkOwner(uid, folderUid, file)),
    );
  } catch (error) {
    throw error instanceof SallyportError ? error : cannotWrite(file, error);
  }
}

/** Replaces or makes a private file: a reader, or a crash, finds the old text or the new one. */
export function writePrivateFile(file: string, text: string): void {
  placePrivately(file, text, "replace");
}

/** Makes a private file and returns true, or returns false where one exists already. */
export function createPrivateFile(file: string, text: string): boolean {
  try {
    placePrivately(file, text, "create");
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes a private file if there is one; a power cut may bring it back. Throws SallyportError. */
export function removePrivateFile(file: string): void {
  remove(file, () => removeFile(file));
}

/** The same, and waits until the disk knows that it is gone (fsync). */
export function removePrivateFileForGood(file: string): void {
  remove(file, () => {
    removeFile(file);
    syncFolder(dirname(file));
  });
}

function remove(file: string, work: () => void): void {
  try {
    asOwnerOf(dirname(file), work);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    if (errnoOf(error) !== "ENOENT") throw cannotWrite(file, error);
  }
}
