/** Matches and targets of iptables, which nft's JSON names but does not describe. */

import type { Statement } from "./listing.ts";

/**
 * The name of the statement's match or target, "" for one without a name; undefined for other
 * statements.
 */
export function xtName(statement: Statement, wanted: "match" | "target"): string | undefined {
  const { type, name = "" } = (statement["xt"] ?? {}) as { type?: string; name?: string };
  return type === wanted ? name : undefined;
}
