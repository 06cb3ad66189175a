/** What a failed SQLite or file call means: a damaged file, or a disk that will not take a write just now. */

/** A file that is no database of ours, or not a whole one: to be moved aside, never to be written to. */
export class Damage extends Error {
  override readonly name = "Damage";
}

interface Coded {
  readonly code: string;
}

function isCoded(error: unknown): error is Error & Coded {
  return error instanceof Error && typeof (error as Partial<Coded>).code === "string";
}

/** "SQLITE_FULL", "EROFS"; undefined for an error that is neither SQLite's nor the file system's. */
export function codeOf(error: unknown): string | undefined {
  if (!isCoded(error)) return undefined;
  return /^(SQLITE_|E[A-Z0-9]+$)/.test(error.code) ? error.code : undefined;
}

/** Whether the file itself is wrong, so that no later try can succeed. */
export function isDamage(error: unknown): error is Error {
  if (error instanceof Damage) return true;
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error) ?? "");
}

/** Whether another process has locked the file. */
export function isHeld(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? "");
}

/** Beginnings of codes, the state they mean and the way out; the first that fits counts. */
const MEANINGS: readonly (readonly [RegExp, string, string])[] = [
  [/^(SQLITE_FULL|ENOSPC)/, "the disk is full", "make room"],
  [/^EDQUOT/, "the disk quota is used up", "make room"],
  [/^(SQLITE_READONLY|EROFS)/, "the file system is read-only", "make it writable"],
  [/^(SQLITE_PERM|EACCES|EPERM)/, "permission denied", "let this user write to it"],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "another process holds it", "end that process"],
  [/^ELOOP/, "it is a symbolic link", "put the file itself there"],
  [/^ENOENT/, "its folder is gone", "make the folder again"],
  [/^SQLITE_CANTOPEN/, "it cannot be opened", "let this user write to it and to its folder"],
  [/^(SQLITE_IOERR|EIO)/, "the disk reports an error", "check the disk"],
];

/** The state and the way out of a failure that is no damage, as two clauses. */
export function meaningOf(error: unknown): { readonly state: string; readonly remedy: string } {
  const code = codeOf(error) ?? "unknown error";
  const [, state, remedy] = MEANINGS.find(([pattern]) => pattern.test(code)) ?? [];
  return { state: state ?? code, remedy: remedy ?? "check the disk and its folder" };
}
