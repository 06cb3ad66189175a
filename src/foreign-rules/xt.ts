/** Matches and targets of iptables, which nft's JSON names and does not describe. */

import type { Statement } from "./listing.ts";

/** The name of the match or target that the statement is, "" for one without a name; undefined for all others. */
export function xtName(statement: Statement, wanted: "match" | "target"): string | undefined {
  const { type, name = "" } = (statement["xt"] ?? {}) as { type?: string; name?: string };
  return type === wanted ? name : undefined;
}
