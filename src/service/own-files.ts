/** Files that an install writes and a removal deletes: only those, and only unchanged. */

import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { asOwnerOf } from "../files/owner.ts";
import { placeText } from "../files/place-text.ts";
import { readRegularFile } from "../files/regular-file.ts";

/** A file to write; `path` is absolute, without the root it may be put under. */
export interface WrittenFile {
  readonly path: string;
  readonly text: string;
}

const SEAL = /^# Written by sallyport; to change it use a drop-in \(seal ([0-9a-f]{64})\)\n/;

function sealOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** The text to write. Its first line says who wrote it, and proves that nobody changed it since. */
export function sealed(text: string): string {
  return `# Written by sallyport; to change it use a drop-in (seal ${sealOf(text)})\n${text}`;
}

/**
 * "ours": as an install of this or another version wrote it. "changed": written by us, changed by
 * hand.
 */
export function stateOf(path: string): "missing" | "ours" | "changed" | "foreign" {
  const text = readRegularFile(path);
  if (text === undefined) return "missing";
  const found = SEAL.exec(text);
  if (found === null) return "foreign";
  return sealOf(text.slice(found[0].length)) === found[1] ? "ours" : "changed";
}

/** The text behind the seal of a file that an install wrote. */
export function bodyOf(path: string): string {
  return (readRegularFile(path) ?? "").replace(SEAL, "");
}

function refuse(operation: string, path: string, state: "changed" | "foreign"): never {
  const why = state === "changed" ? "somebody changed it by hand" : "sallyport did not write it";
  throw new SallyportError(
    `Cannot ${operation} ${path}: ${why}: move it away first, and keep changes of yours in ${path}.d/`,
  );
}

/** What to do where this user may not write; a user's own files need another word. */
const AS_ROOT = "run as root, or name another place with --root";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "make room on its disk",
  EROFS: "mount its disk writable",
};

/**
 * Writes all of them under `root` ("" for this machine), or none: a file that others wrote or
 * changed refuses all.
 */
export function writeFiles(
  files: readonly WrittenFile[],
  root: string,
  whenDenied = AS_ROOT,
): string[] {
  const paths = files.map(({ path }) => root + path);
  for (const path of paths) {
    const state = stateOf(path);
    if (state === "changed" || state === "foreign") refuse("replace", path, state);
  }
  for (const { path, text } of files) {
    // The folder of a package may be anybody's: its owner must not lead us to files of root.
    const write = () => {
      mkdirSync(dirname(root + path), { recursive: true });
      placeText(root + path, sealed(text), { mode: 0o644, how: "replace" });
    };
    attempt("write", root + path, () => inRoot(root, write), whenDenied);
  }
  return paths;
}

/** Removes those that exist and returns their paths. A file changed by hand refuses all. */
export function removeFiles(
  paths: readonly string[],
  root: string,
  whenDenied = AS_ROOT,
): string[] {
  const found = paths.map((path) => root + path).filter((path) => stateOf(path) !== "missing");
  for (const path of found) {
    const state = stateOf(path);
    if (state === "changed" || state === "foreign") refuse("remove", path, state);
  }
  for (const path of found) {
    attempt("remove", path, () => inRoot(root, () => rmSync(path)), whenDenied);
  }
  return found;
}

/**
 * Works with the rights of the owner of the folder that stands for the root. Where it is missing,
 * the present user makes it.
 */
function inRoot<T>(root: string, work: () => T): T {
  if (root === "") return work();
  mkdirSync(root, { recursive: true });
  return asOwnerOf(root, work);
}

function attempt(operation: string, path: string, act: () => void, whenDenied: string): void {
  try {
    act();
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    const code = codeOf(error) ?? messageOf(error);
    const denied = code === "EACCES" || code === "EPERM";
    const remedy = denied ? whenDenied : (REMEDIES[code] ?? "see which file is there");
    throw new SallyportError(
      `Cannot ${operation} ${path}: ${code}: ${remedy}`,
      denied ? ExitCode.privilege : ExitCode.failure,
      { cause: error },
    );
  }
}
