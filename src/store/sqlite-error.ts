/**
 * The meaning of a failed SQLite or file call: a damaged file, one of another version, or a disk
 * that takes no write now.
 */

import { codeOf as systemCodeOf, diskState, shortageRemedy } from "../core/system-error.ts";
import { describeInTheWay } from "../files/in-the-way.ts";
import { Elsewhere } from "./place.ts";

/**
 * A file that is not a database of ours, or not a whole one: to be moved aside, never to be written
 * to.
 */
export class Damage extends Error {
  override readonly name = "Damage";
}

/** A whole file of ours, of a version that this sallyport does not write. */
export class OtherVersion extends Error {
  override readonly name = "OtherVersion";
  readonly found: number;
  readonly known: number;

  constructor(found: number, known: number) {
    super(`it is of version ${found}, this sallyport knows ${known}`);
    this.found = found;
    this.known = known;
  }

  /** From a later sallyport: to be left as it is, never to be written to or moved. */
  get isLater(): boolean {
    return this.found > this.known;
  }
}

/** "SQLITE_FULL", "EROFS"; undefined for an error that is neither SQLite's nor the file system's. */
export function codeOf(error: unknown): string | undefined {
  const code = systemCodeOf(error);
  return code !== undefined && /^(SQLITE_|E[A-Z0-9]+$)/.test(code) ? code : undefined;
}

/** Whether the file itself is wrong, so that no later attempt can succeed. */
export function isDamage(error: unknown): error is Error {
  if (error instanceof Damage) return true;
  // Files of earlier versions were taken over before; nobody wrote the remaining ones.
  if (error instanceof OtherVersion) return !error.isLater;
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error) ?? "");
}

/** Whether a later sallyport wrote the file. */
export function isLater(error: unknown): boolean {
  return error instanceof OtherVersion && error.isLater;
}

/** Whether the file, the disk or the folder failed, and not this program. */
export function isOfFile(error: unknown): boolean {
  const known = [Damage, OtherVersion, Elsewhere].some((kind) => error instanceof kind);
  return known || codeOf(error) !== undefined;
}

/** Whether another process has locked the file. */
export function isHeld(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? "");
}

/** Beginnings of SQLite's codes, with the system's own that mean the same of a disk; the first that fits counts. */
const DISK_CODES: readonly (readonly [RegExp, string])[] = [
  // SHMSIZE: no room for the memory that readers of the audit log share.
  [/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE)/, "ENOSPC"],
  [/^SQLITE_READONLY/, "EROFS"],
  [/^SQLITE_IOERR/, "EIO"],
];

/** Beginnings of codes, with the state they mean and the remedy; the first that fits counts. */
const MEANINGS: readonly (readonly [RegExp, string, string])[] = [
  [/^(SQLITE_PERM|EACCES|EPERM)/, "permission denied", "let this user write to it"],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "another process holds it", "end that process"],
  [/^ELOOP/, "it is a symbolic link", "put the file itself there"],
  [/^ENOENT/, "its folder is gone", "make the folder again"],
  [/^SQLITE_CANTOPEN/, "it cannot be opened", "let this user write to it and to its folder"],
];

/** The state and the remedy of a failure that is not damage, at this file, as two clauses. */
export function meaningOf(
  error: unknown,
  file: string,
): { readonly state: string; readonly remedy: string } {
  if (error instanceof OtherVersion) {
    return {
      state: `a later sallyport wrote it (version ${error.found}, this one knows ${error.known})`,
      remedy: "run that one again, or move the file away",
    };
  }
  if (error instanceof Elsewhere) return { state: error.message, remedy: "start sallyport again" };
  const code = codeOf(error) ?? "unknown error";
  if (code === "ENOTDIR") return describeInTheWay(file);
  const disk = diskState(DISK_CODES.find(([pattern]) => pattern.test(code))?.[1] ?? code);
  if (disk !== undefined) return disk;
  const [, state, remedy] = MEANINGS.find(([pattern]) => pattern.test(code)) ?? [];
  return {
    state: state ?? code,
    remedy: remedy ?? shortageRemedy(code) ?? "check the disk and its folder",
  };
}
