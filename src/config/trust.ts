/**
 * Who could have written a configuration. Its commands run with the rights of the process that acts on
 * it, so nobody with fewer rights may have had a hand in it.
 */

import { accessSync, constants, lstatSync, readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { shellCommand } from "../core/shell-command.ts";
import { codeOf } from "../core/system-error.ts";

/** A way in which somebody else could have written a file. */
export interface Doubt {
  /** A clause: "it belongs to uid 1000". */
  readonly state: string;
  readonly remedy: string;
}

/** Owners of a configuration besides root and the user of this process. */
export type Owners = readonly number[];

/** Whoever called sudo to start this process; [] where nobody did. A service's own starts know nothing of it. */
export function sudoCaller(): Owners {
  const uid = process.env["SUDO_UID"];
  return uid === undefined ? [] : [Number(uid)];
}

function mayOwn(path: string, uid: number, others: Owners): boolean {
  return [0, process.geteuid!(), ...others].includes(uid) || belongsOutside(path, uid);
}

/** kernel/user_namespace.c: the whole range of ids. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;
/** /proc/sys/kernel/overflowuid, as good as everywhere */
const UNMAPPED = 65_534;

/**
 * Whether a path belongs to a user outside of the user namespace of this container, mostly the host's root, and nobody
 * within can write to it or own it.
 */
function belongsOutside(path: string, uid: number): boolean {
  if (uid !== UNMAPPED || ALL_IDS.test(readFileSync("/proc/self/uid_map", "utf8"))) return false;
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

function doubtOf(path: string, what: "it" | "its folder", others: Owners): Doubt[] {
  const stat = lstatSync(path);
  const doubts: Doubt[] = [];
  if (!mayOwn(path, stat.uid, others)) {
    const state = `${what} belongs to uid ${stat.uid}`;
    const link = stat.isSymbolicLink() ? ["-h"] : [];
    doubts.push({ state, remedy: `run "${shellCommand(["chown", ...link, "root", path])}"` });
  }
  // In a sticky folder such as /tmp, only the owners of the folder and of the file may replace the
  // file. The mode of a link says nothing.
  const sticky = what === "its folder" && (stat.mode & 0o1000) !== 0;
  if ((stat.mode & 0o002) !== 0 && !sticky && !stat.isSymbolicLink()) {
    doubts.push({
      state: `everybody may write to ${what}`,
      remedy: `run "${shellCommand(["chmod", "o-w", path])}"`,
    });
  }
  return doubts;
}

/**
 * Every way in which another user than root, that of this process and `others` could have written the file, or put
 * another in its place; where it is a link, also the file behind it. [] for a file that cannot be looked at: whoever
 * reads it is told why.
 */
export function doubtsOf(file: string, others: Owners = []): Doubt[] {
  try {
    return [...new Set([file, realpathSync(file)])].flatMap((path) => [
      ...doubtOf(path, "it", others),
      ...doubtOf(realpathSync(dirname(path)), "its folder", others),
    ]);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return [];
  }
}

/** The refusal (exit 78). Default of `remedy`: that of the doubt. */
export function distrusted(
  file: string,
  { state, remedy }: Doubt,
  instead = remedy,
): SallyportError {
  const who = process.geteuid!() === 0 ? "root" : "the daemon";
  return new SallyportError(
    `Cannot trust ${file}: ${state}, and ${who} would run the commands in it: ${instead}`,
    ExitCode.config,
  );
}
