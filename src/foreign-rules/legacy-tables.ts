/** Tables of iptables-legacy, whose rules nft does not show. */

import { readFileSync } from "node:fs";

/** The kernel lists a table of iptables-legacy once somebody has used it. */
export function legacyTables(family: "ip" | "ip6"): string[] {
  try {
    const names = readFileSync(`/proc/thread-self/net/${family}_tables_names`, "utf8");
    return names
      .split("\n")
      .filter(Boolean)
      .map((name) => `${family} ${name}`);
  } catch {
    return []; // no such module
  }
}
