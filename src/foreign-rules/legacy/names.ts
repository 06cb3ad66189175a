/** The tables of iptables-legacy in this network namespace. */

import { readFileSync } from "node:fs";
import type { LegacyFamily } from "../../native/legacy-table.ts";
import { readProcNet } from "../../native/proc-net.ts";

const TABLES = ["raw", "mangle", "nat", "filter", "security"] as const;

export type LegacyName = (typeof TABLES)[number];

/** A table exists once somebody has used it. */
export function legacyNames(family: LegacyFamily): LegacyName[] {
  const listed = readProcNet(`${family}_tables_names`)?.split("\n");
  if (listed !== undefined) return TABLES.filter((name) => listed.includes(name));
  // Only root may read that list. A module is loaded when somebody uses its table.
  const modules = loadedModules();
  return TABLES.filter((name) => modules.includes(`${family}table_${name}`));
}

function loadedModules(): string[] {
  try {
    return readFileSync("/proc/modules", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[0]!);
  } catch {
    return []; // a kernel without modules
  }
}
