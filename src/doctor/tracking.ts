/**
 * Check: the connection tracking table has room; a full one drops new connections and cuts living
 * ones.
 */

import { readFileSync } from "node:fs";
import { type Findings, ok, problem, warning } from "../core/finding.ts";
import type { Listing } from "../foreign-rules/listing.ts";
import { isOurs } from "../foreign-rules/trace.ts";

export interface TrackingFacts {
  readonly count: number;
  readonly max: number;
}

/** Matches and targets of iptables that need connection tracking. */
const TRACKERS =
  /^(conn\w+|state|helper|cluster|nat|MASQUERADE|[SD]NAT|REDIRECT|NETMAP|CONN\w+|CT)$/;

/**
 * Whether another table has a rule or a chain that makes the kernel track connections; undefined
 * where none was seen and some could not be read.
 */
export function otherTrackers(listing: Listing | undefined): boolean | undefined {
  if (listing === undefined) return undefined;
  const { chains, rules, unread } = listing;
  const nat = chains.some(({ family, table, type }) => type === "nat" && !isOurs(family, table));
  const asks = () =>
    [...rules.values()]
      .flat()
      .some(({ family, table, expr }) => !isOurs(family, table) && expr.some(asksForTracking));
  if (nat || asks()) return true;
  return unread.length > 0 ? undefined : false;
}

/** `ct state`, on either side, `ct mark set`, a helper, or one of iptables. */
function asksForTracking(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return false;
  return Object.entries(part).some(([key, value]) => {
    if (key === "ct" || key.startsWith("ct ")) return true;
    if (key === "xt") return TRACKERS.test(String((value as { name?: unknown } | null)?.name));
    return asksForTracking(value);
  });
}

/** The sentences for tracking that only the guard needs, by whether the guard is loaded. */
const ALONE = {
  true: "only the guard makes the kernel track all traffic of this machine",
  false:
    "no rule needs it now, but the guard will make the kernel track all traffic of this machine",
} as const;

/** Undefined before the first rule or module that tracks. */
export function readTracking(): TrackingFacts | undefined {
  const read = (name: string) =>
    Number(readFileSync(`/proc/sys/net/netfilter/nf_conntrack_${name}`, "utf8"));
  try {
    return { count: read("count"), max: read("max") };
  } catch {
    return undefined;
  }
}

/**
 * `others`: whether anything besides the guard needs tracking; `guard`: whether the guard is
 * loaded; undefined: unknown.
 */
export function checkTracking(
  facts: TrackingFacts | undefined,
  others?: boolean,
  guard?: boolean,
): Findings {
  if (facts === undefined) {
    return [
      ok("Connection tracking is not in use yet: the guard will make the kernel track all traffic"),
    ];
  }
  const { count, max } = facts;
  // 0 means no limit.
  const share = max === 0 ? 0 : count / max;
  const state = `The connection tracking table holds ${count} of ${max === 0 ? "any number of" : max} connections`;
  const remedy = `raise it (sysctl net.netfilter.nf_conntrack_max=${max * 2}), or find out who fills it (conntrack -L)`;
  if (share >= 0.95) return [problem(`${state}: new ones are dropped when it is full`, remedy)];
  if (share >= 0.75) return [warning(state, remedy)];
  const alone = guard === undefined || others !== false ? "" : `: ${ALONE[`${guard}`]}`;
  return [ok(`${state}${alone}`)];
}
