/**
 * Whether a folder's owner can run a program: the owner is the user of the daemon whose state is
 * there.
 */

import { type Stats, statSync } from "node:fs";
import { errnoOf } from "../core/system-error.ts";
import { asOwnerOf, seenFolder } from "./owner.ts";

interface User {
  readonly uid: number;
  readonly groups: readonly number[];
}

/**
 * A clause that says why not; undefined where it can be run. Where the folder cannot be seen, for the caller.
 */
export function whyNotRunnable(program: string, folder: string): string | undefined {
  const owner = seenFolder(folder);
  const user = owner === undefined ? caller() : ownerOf(owner);
  const look = () => statSync(program);
  try {
    const stat = owner === undefined ? look() : asOwnerOf(folder, look);
    if (!stat.isFile()) return "is no file";
    return mayRun(stat, user) ? undefined : `may not be run by uid ${user.uid}`;
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    if (code === "EACCES") return `is in a folder that uid ${user.uid} may not enter`;
    throw error;
  }
}

function caller(): User {
  return { uid: process.geteuid!(), groups: [process.getegid!(), ...process.getgroups!()] };
}

/** The caller may be in more groups than the folder shows. */
function ownerOf({ uid, gid }: Stats): User {
  return uid === process.geteuid!() ? caller() : { uid, groups: [gid] };
}

/** The kernel's decision: the first class that fits, and for root any. */
function mayRun({ mode, uid, gid }: Stats, user: User): boolean {
  if (user.uid === 0) return (mode & 0o111) !== 0;
  if (user.uid === uid) return (mode & 0o100) !== 0;
  return (mode & (user.groups.includes(gid) ? 0o010 : 0o001)) !== 0;
}
