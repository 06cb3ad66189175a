/** The file that stands in the place of a folder, for messages: the kernel says ENOTDIR and not where. */

import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

function seen(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** What stands in the way of this file, and the remedy: two clauses for ENOTDIR. */
export function describeInTheWay(file: string): {
  readonly state: string;
  readonly remedy: string;
} {
  const folder = dirname(file);
  return {
    state: `${inTheWay(folder) ?? folder} is no folder`,
    remedy: "move it away, or name another folder",
  };
}

/** Where no folder is at this path because it, or a name above it, is something else: that name. */
export function inTheWay(folder: string): string | undefined {
  const stat = seen(folder);
  if (stat !== undefined) return stat.isDirectory() ? undefined : folder;
  const above = dirname(folder);
  return above === folder ? undefined : inTheWay(above);
}
