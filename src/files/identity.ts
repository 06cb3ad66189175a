/** What tells a file or folder from another one of its name: numbers of inodes repeat from file system to file system. */

import { type Stats, statSync } from "node:fs";

export function identityOf({ dev, ino }: Pick<Stats, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/** Undefined where nothing is at the path, or nobody can tell. */
export function identityAt(path: string): string | undefined {
  try {
    return identityOf(statSync(path));
  } catch {
    return undefined;
  }
}
