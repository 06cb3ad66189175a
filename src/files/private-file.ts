/** Files that only their owner may read: read with suspicion, written whole or not at all. */

import {
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { errnoOf } from "./errno.ts";

function refuse(action: string, file: string, reason: string): never {
  throw new SallyportError(`Cannot ${action} ${file}: ${reason}`, ExitCode.config);
}

/**
 * Who may own a private file: root, this process, and for root the server's own user, whose folder it
 * then is. Only root can have made that folder where nobody else may write to the one above it; in /tmp
 * anybody could have made it beforehand, with keys of his own in it.
 */
function isTrustedOwner(uid: number, folder: string): boolean {
  const self = process.geteuid!();
  if (uid === 0 || uid === self) return true;
  if (self !== 0 || uid !== statSync(folder).uid) return false;
  const above = statSync(dirname(realpathSync(folder)));
  return above.uid === 0 && (above.mode & 0o022) === 0;
}

/** Whoever can write to the folder can put another file in the place of this one. */
function checkFolder(folder: string, file: string): void {
  const { mode, uid } = statSync(folder);
  if (!isTrustedOwner(uid, folder)) {
    refuse("trust", file, `${folder} belongs to uid ${uid}: run "chown root ${folder}"`);
  }
  if ((mode & 0o022) !== 0) {
    refuse("trust", file, `others may write to ${folder}: run "chmod go-w ${folder}"`);
  }
}

/** O_NOFOLLOW refuses a symbolic link; O_NONBLOCK keeps a named pipe from holding us up. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function openForReading(file: string): number | undefined {
  try {
    return openSync(file, READ);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") {
      return refuse("trust", file, "it is a symbolic link: put the file itself there");
    }
    throw new SallyportError(
      `Cannot read ${file}: ${code}: run as root or as the user that owns it`,
      code === "EACCES" ? ExitCode.privilege : ExitCode.config,
    );
  }
}

/**
 * The text of a private file, undefined when it does not exist. Throws (exit 78) unless it is a regular
 * file of mode 0600 or less that root or this user owns, in a folder nobody else may write to.
 */
export function readPrivateFile(file: string): string | undefined {
  const fd = openForReading(file);
  if (fd === undefined) return undefined;
  try {
    // The open file is asked, not its name, which may name another by now.
    const stat = fstatSync(fd);
    if (!stat.isFile()) refuse("trust", file, "it is not a regular file: put one there");
    if ((stat.mode & 0o077) !== 0) {
      refuse("trust", file, `others may read it: run "chmod 600 ${file}" and make new keys`);
    }
    if (!isTrustedOwner(stat.uid, dirname(file))) {
      refuse("trust", file, `it belongs to uid ${stat.uid}: run "chown root ${file}"`);
    }
    checkFolder(dirname(file), file);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a finished, synced file of mode 0600 beside `file` and answers its name. */
function writeBeside(file: string, text: string): string {
  const beside = `${file}.${process.pid}-${crypto.randomUUID().slice(0, 8)}.new`;
  const fd = openSync(beside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    fchmodSync(fd, 0o600);
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  // Made by root for a server that runs as another user: it must be able to read it.
  const { uid, gid } = lstatSync(dirname(file));
  if (process.geteuid!() === 0 && uid !== 0) chownSync(beside, uid, gid);
  return beside;
}

function placeFile(file: string, text: string, place: (beside: string) => void): void {
  let beside: string | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    checkFolder(dirname(file), file);
    beside = writeBeside(file, text);
    place(beside);
    syncFolder(dirname(file));
  } catch (error) {
    if (error instanceof SallyportError || errnoOf(error) === "EEXIST") throw error;
    const code = errnoOf(error);
    const denied = code === "EACCES" || code === "EPERM";
    throw new SallyportError(
      `Cannot write ${file}: ${code}: ${denied ? "run as root or as the server's user" : "make room or make the folder writable"}`,
      denied ? ExitCode.privilege : ExitCode.failure,
    );
  } finally {
    if (beside !== undefined) rmSync(beside, { force: true });
  }
}

/** Replaces or makes a private file: a reader, or a crash, finds the old text or the new one. */
export function writePrivateFile(file: string, text: string): void {
  placeFile(file, text, (beside) => renameSync(beside, file));
}

/** Makes a private file and answers true, or answers false where one exists already. */
export function createPrivateFile(file: string, text: string): boolean {
  try {
    placeFile(file, text, (beside) => linkSync(beside, file));
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}
