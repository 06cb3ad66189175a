/** The open descriptors of a process, as far as /proc shows them. */

import { readdirSync, readlinkSync } from "node:fs";

/**
 * The targets of the descriptors of process `pid`: "/dev/null", "socket:[4711]", …; empty where the
 * process has ended or may not be seen. A descriptor that closes in between is left out and hides
 * no other: in the calling process, the descriptor that lists the folder always does.
 */
export function descriptorsOf(pid: number | string): string[] {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).flatMap((fd) => linkOf(`${folder}/${fd}`) ?? []);
}

/** The ids of all processes that this one may see. */
export function processIds(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
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
