/**
 * Units that `install` wrote give way to those of a later package: otherwise the machine would keep
 * using its old ones.
 */

import { existsSync, lstatSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { readRegularFile } from "../files/regular-file.ts";
import { PACKAGED } from "./packaged.ts";
import { ENABLED, GUARD_UNIT, SERVICE_UNIT, SYSUSERS } from "./places.ts";
import { bodyOf, stateOf } from "./own-files.ts";

export interface Handover {
  /** Files that gave way. */
  readonly removed: readonly string[];
  /** Files that keep precedence over the package's, and why they were left. */
  readonly kept: readonly { readonly path: string; readonly why: string }[];
}

/**
 * The settings that make two units run the same daemon in the same places, whichever version wrote
 * them.
 */
const SAYS = /^(User|Group|ExecStart|StateDirectory|RuntimeDirectory|ReadWritePaths|u )\b/;

function says(text: string): string {
  const lines = text.split("\n").filter((line) => SAYS.test(line));
  return lines.map((line) => line.replace(/^(ExecStart=)\S+/, "$1sallyport")).join("\n");
}

/** Why the file at `path` cannot give way; undefined where it can. */
function objection(path: string, packaged: string): string | undefined {
  const state = stateOf(path);
  if (state === "foreign") return "sallyport did not write it";
  if (state === "changed") return "somebody changed it by hand";
  const own = bodyOf(path);
  const theirs = readRegularFile(packaged) ?? "";
  return says(own) === says(theirs)
    ? undefined
    : "it names another user, configuration or folder than the package's";
}

/**
 * An enabled unit stays enabled. The link is made under another name first: there is no moment
 * without it.
 */
function relink(link: string, packaged: string): void {
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return;
  const beside = `${link}.new`;
  rmSync(beside, { force: true });
  symlinkSync(packaged, beside);
  renameSync(beside, link);
}

/**
 * Hands over as many as possible; changes nothing where no package brought its units. `root`: ""
 * for this machine.
 */
export function handOver(root: string): Handover {
  const removed: string[] = [];
  const kept: { path: string; why: string }[] = [];
  for (const place of [SYSUSERS, SERVICE_UNIT, GUARD_UNIT]) {
    const path = root + place;
    const packaged = PACKAGED[place]!;
    // A link to /dev/null is a unit that its administrator masked.
    const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
    if (!existsSync(root + packaged) || !isFile) continue;
    const why = objection(path, root + packaged);
    if (why !== undefined) {
      kept.push({ path, why });
      continue;
    }
    const link = ENABLED[place];
    if (link !== undefined) relink(root + link, packaged);
    rmSync(path);
    removed.push(path);
  }
  return { removed, kept };
}
