/** Files of /proc/net. */

import { readFileSync } from "node:fs";

/**
 * The text of a file for the calling thread's network namespace, which may be another than that of
 * its process. Undefined where the kernel has no such file (tcp6 without IPv6), and where this user
 * may not read it.
 */
export function readProcNet(name: string): string | undefined {
  try {
    return readFileSync(`/proc/thread-self/net/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** The same as words, a list for each line. */
export function procNetRows(name: string): string[][] {
  return rowsOf(readProcNet(name) ?? "");
}

/** The words of each line of a table in /proc. */
export function rowsOf(text: string): string[][] {
  return text.split("\n").map((line) => line.trim().split(/\s+/));
}
