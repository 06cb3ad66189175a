/** Saved profiles: one link in each file, which only its owner may read. */

import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { shellWord } from "../core/shell-command.ts";
import { codeOf } from "../core/system-error.ts";
import { placeText } from "../files/place-text.ts";
import { formatProfileLink, parseProfileLink } from "../rks/profile-link.ts";
import type { Profile } from "../rks/profile-link.ts";

/**
 * Names are file names: no folder, nothing hidden, nothing that looks like an option. Shorter than
 * a key in base32 (52), so that a key typed in place of a name is never accepted as a name and
 * quoted.
 */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

const GROUP_AND_OTHERS = 0o077; // S_IRWXG | S_IRWXO, sys/stat.h

export function isProfileName(text: string): boolean {
  return NAME.test(text);
}

/**
 * The names of all saved profiles, sorted; empty where the folder is missing. Throws a SallyportError where it
 * cannot be read, as after a sudo that kept HOME: there are profiles in it.
 */
export function listProfiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isProfileName).sort();
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return [];
    throw new SallyportError(
      `Cannot read ${folder}: ${code ?? messageOf(error)}: make it a folder of yours with mode 0700`,
      ExitCode.config,
      { cause: error },
    );
  }
}

/** Texts that were not in place yet: of this program, and of its clients of one file for the shell, and for Python and PowerShell. */
const DRAFT = /^\.(.+\.[0-9a-f]{8}\.new|draft\.\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** A command that is still at work has had its draft for so long at most. */
const DRAFT_MS = 60_000;

/** Removes what killed commands left: it holds keys, and nobody would see it. What stays is no reason to fail. */
function clearDrafts(folder: string): void {
  try {
    for (const path of readdirSync(folder).filter((name) => DRAFT.test(name))) {
      const draft = join(folder, path);
      if (Date.now() - statSync(draft).mtimeMs >= DRAFT_MS) rmSync(draft, { force: true });
    }
  } catch {
    // Another command cleared it away, or may not write here.
  }
}

function badName(action: string): SallyportError {
  return new SallyportError(
    `Cannot ${action}: its name is not valid: use up to 32 letters, digits, ".", "_" and "-", a letter or digit first`,
    ExitCode.usage,
  );
}

/** Throws (exit 64) where `name` cannot name a profile; `action` is the action that failed. */
export function checkProfileName(name: string, action: string): void {
  if (!isProfileName(name)) throw badName(action);
}

function missing(folder: string, name: string, remedy: string): SallyportError {
  const saved = listProfiles(folder);
  const known = saved.length === 0 ? "no profile is saved" : `saved are ${saved.join(", ")}`;
  return new SallyportError(
    `Cannot find the profile "${name}": ${known}: ${remedy}`,
    ExitCode.usage,
  );
}

function readPrivately(path: string): string {
  const file = openSync(path, "r");
  try {
    // Checks the open file, not its path: the path may name another file a moment later.
    const stat = fstatSync(file);
    const { mode } = stat;
    if (!stat.isFile()) {
      throw new SallyportError(`Cannot use ${path}: it is no file: move it away`, ExitCode.config);
    }
    if (process.platform !== "win32" && (mode & GROUP_AND_OTHERS) !== 0) {
      throw new SallyportError(
        `Cannot use ${path}: other users of this computer can read the key in it: run "chmod 600 ${shellWord(path)}", and have the key replaced if one may have`,
        ExitCode.config,
      );
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** Whether a profile of that name is saved, as far as this user can see. */
export function isSaved(folder: string, name: string): boolean {
  return isProfileName(name) && isThere(join(folder, name));
}

const addIt = (name: string) => `save its link with "sallyport profile add --name ${name}"`;

/**
 * Reads a saved profile. Throws a SallyportError, which quotes nothing of it, for a missing, unsafe
 * or broken file; `whenMissing` is the remedy for the first.
 */
export function readProfile(folder: string, name: string, whenMissing = addIt(name)): Profile {
  checkProfileName(name, "find the profile");
  const path = join(folder, name);
  let link: string;
  try {
    link = readPrivately(path);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    if (codeOf(error) === "ENOENT") throw missing(folder, name, whenMissing);
    throw new SallyportError(
      `Cannot read ${path}: ${messageOf(error)}: make it a file of yours with mode 0600`,
      ExitCode.config,
      { cause: error },
    );
  }
  try {
    return parseProfileLink(link);
  } catch (error) {
    throw new SallyportError(`Cannot use ${path}: ${messageOf(error)}`, ExitCode.config);
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Saves a profile (file 0600, folders 0700) and returns its path. Throws a SallyportError where the
 * name is taken, unless `replace`. The file appears whole or not at all; of an earlier call that was killed nothing
 * stays.
 */
export function saveProfile(
  folder: string,
  name: string,
  profile: Profile,
  replace = false,
): string {
  checkProfileName(name, "save the profile");
  const path = join(folder, name);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    clearDrafts(folder);
    const how = replace ? "replace" : "create";
    placeText(path, `${formatProfileLink(profile)}\n`, { mode: 0o600, how });
  } catch (error) {
    // A folder that is a link to nowhere, or a file, "exists", too.
    if (codeOf(error) === "EEXIST" && isThere(path)) {
      throw new SallyportError(
        `Cannot save the profile "${name}": ${path} exists: add --force to replace it, or choose another name`,
      );
    }
    throw new SallyportError(
      `Cannot save the profile "${name}": ${messageOf(error)}: make ${folder} writable, or name another folder in XDG_CONFIG_HOME`,
      ExitCode.failure,
      { cause: error },
    );
  }
  return path;
}

/**
 * Removes a saved profile, readable or not, with what killed commands left, and returns its path. Throws a
 * SallyportError where there is none.
 */
export function removeProfile(folder: string, name: string): string {
  checkProfileName(name, "remove the profile");
  const path = join(folder, name);
  clearDrafts(folder);
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      throw missing(folder, name, "there is nothing to remove under this name");
    }
    throw new SallyportError(
      `Cannot remove the profile "${name}": ${messageOf(error)}: make ${folder} writable`,
      ExitCode.failure,
      { cause: error },
    );
  }
  return path;
}
