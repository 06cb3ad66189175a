/** The unix sockets on which a process listens, as far as /proc shows them. */

import { readFileSync } from "node:fs";
import { descriptorsOf } from "./descriptors-of.ts";

/** unix(7), net.h: set on a socket that listens. */
const SO_ACCEPTCON = 0x1_0000;

/**
 * The absolute paths on which process `pid` listens; empty where it may not be seen. The kernel
 * itself says which process has a socket open: no other process can put a path in here.
 */
export function listeningPathsOf(pid: number): string[] {
  try {
    const own = new Set(descriptorsOf(pid));
    return readFileSync(`/proc/${pid}/net/unix`, "utf8")
      .split("\n")
      .flatMap((line) => {
        // Num: RefCount Protocol Flags Type St Inode Path; a path may hold blanks.
        const row = /^\S+: \S+ \S+ (\S+) \S+ \S+ +(\d+) (\/.*)$/.exec(line);
        const [, flags = "0", inode = "", path = ""] = row ?? [];
        return (Number.parseInt(flags, 16) & SO_ACCEPTCON) !== 0 && own.has(`socket:[${inode}]`)
          ? [path]
          : [];
      });
  } catch {
    return []; // ended, or not ours to look at
  }
}
