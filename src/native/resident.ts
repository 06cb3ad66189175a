/** Gives back memory that only the start needed: pages of code and libraries that no longer run. */

import { readFileSync } from "node:fs";
import { libcCalls } from "./libc-calls.ts";

/** linux/mman.h */
const MADV_DONTNEED = 4;

/**
 * `55d0c000-55d1e000 r-xp 00021000 fe:00 339380 /usr/lib/libc.so.6`: the line of /proc/PID/smaps
 * that begins a mapping.
 */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)$/;
/**
 * Pages that were written to and are in no file: in memory, and (a line further down) in swap
 * space.
 */
const WRITTEN = /^(Anonymous|Swap): +(\d+) kB$/;

interface Mapping {
  readonly from: number;
  readonly bytes: number;
}

/**
 * The mappings in the text of a /proc/PID/smaps whose pages the kernel can read from their file
 * again at any time: read-only, and never written to (not even by the loader, like relocated
 * tables).
 */
export function cleanFileMappings(smaps: string): Mapping[] {
  const found: Mapping[] = [];
  let readOnly: Mapping | undefined;
  let writtenKb = 0;
  for (const line of smaps.split("\n")) {
    const [, from, to, permissions = "", path = ""] = MAPPING.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      const start = Number.parseInt(from, 16);
      // "/anon_hugepage (deleted)" is in no file, and its pages do not count as anonymous.
      const inFile = path.startsWith("/") && !path.endsWith(" (deleted)");
      const candidate = inFile && permissions.endsWith("p") && !permissions.includes("w");
      readOnly = candidate ? { from: start, bytes: Number.parseInt(to, 16) - start } : undefined;
      writtenKb = 0;
      continue;
    }
    const [, kind, kb] = WRITTEN.exec(line) ?? [];
    if (kind === undefined) continue;
    writtenKb += Number(kb);
    if (kind === "Swap" && writtenKb === 0 && readOnly !== undefined) found.push(readOnly);
  }
  return found;
}

/**
 * Takes the pages of code and constant data out of this process. They stay in the page cache; from
 * there the kernel maps those back that run again, 16 or more at a time. Does nothing where the
 * kernel does not list mappings.
 */
export function releaseCleanPages(): void {
  let smaps: string;
  try {
    smaps = readFileSync("/proc/self/smaps", "utf8");
  } catch {
    return;
  }
  const { madvise } = libcCalls();
  // A mapping that the kernel refuses (a locked one) stays as it is.
  for (const { from, bytes } of cleanFileMappings(smaps)) madvise(from, bytes, MADV_DONTNEED);
}
