/** What a process has open, as far as /proc tells. */

import { readdirSync, readlinkSync } from "node:fs";

/**
 * What the descriptors of process `pid` lead to: "/dev/null", "socket:[4711]", …; empty where it has ended
 * or may not be seen. One that closes in between is left out and hides no other: in the process that asks,
 * the descriptor that lists the folder always does.
 */
export function descriptorsOf(pid: number | string): string[] {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).flatMap((fd) => linkOf(`${folder}/${fd}`) ?? []);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // ended, or not ours to look at
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed by now
  }
}
