/**
 * Who could have written a configuration. Its commands run with the rights of the process that acts on
 * it, so nobody with fewer rights may have had a hand in it.
 */

import { lstatSync, realpathSync } from "node:fs";
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

/** Owners of a configuration besides root, this process and whoever called sudo. */
export type Owners = readonly number[];

function mayOwn(uid: number, others: Owners): boolean {
  const caller = Number(process.env["SUDO_UID"] ?? 0);
  return [0, process.geteuid!(), caller, ...others].includes(uid);
}

function doubtOf(path: string, what: "it" | "its folder", others: Owners): Doubt[] {
  const stat = lstatSync(path);
  const doubts: Doubt[] = [];
  if (!mayOwn(stat.uid, others)) {
    const state = `${what} belongs to uid ${stat.uid}`;
    doubts.push({ state, remedy: `run "${shellCommand(["chown", "root", path])}"` });
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
 * Every way in which another user than root, that of this process and the one who called sudo could have
 * written the file, or put another in its place; where it is a link, also the file behind it. [] for a file that
 * cannot be looked at: whoever reads it is told why.
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
