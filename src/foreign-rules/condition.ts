/** Whether the packet of a probe meets a condition of a rule, in nft's JSON. */

import { agrees } from "./agree.ts";
import { type ListedRule, type Listing, setKey, type Statement } from "./listing.ts";
import type { Probe } from "./probe.ts";
import { type Seen, see } from "./seen.ts";
import { xtName } from "./xt.ts";

/**
 * Whether the packet continues to the rule's next statement. Conditions on properties that a
 * stranger's packet cannot have (an address, a mark) count as unmet; so do those of iptables that
 * stay opaque.
 */
export function meets(
  statement: Statement,
  probe: Probe,
  rule: ListedRule,
  sets: Listing["sets"],
): boolean {
  // "over" limits are for floods; below a limit a packet continues.
  if ("limit" in statement) return (statement["limit"] as { inv?: boolean } | null)?.inv !== true;
  if ("xt" in statement) return xtMatches(statement);
  if (!("match" in statement)) return true;
  const { op, left, right } = statement["match"] as { op: string; left: unknown; right: unknown };
  const seen = see(left, probe);
  if (seen === "absent") return false;
  const negated = op === "!=";
  if (seen === "particular") return negated;
  if (op !== "==" && op !== "in" && !negated) return compares(seen, op, right);
  return agrees(seen, named(right, rule, sets)) !== negated;
}

/**
 * The statement that a verdict map yields for the packet; undefined when the map has none for it.
 */
export function mapped(
  statement: Statement,
  probe: Probe,
  rule: ListedRule,
  sets: Listing["sets"],
): Statement | undefined {
  const { key, data } = statement["vmap"] as { key: unknown; data: unknown };
  const pairs = (data as { set?: unknown } | null)?.set ?? named(data, rule, sets);
  if (!Array.isArray(pairs)) return undefined;
  const seen = see(key, probe);
  const listed = pairs as readonly (readonly [unknown, Statement])[];
  const pair =
    listed.find(([value]) => value !== "*" && agrees(seen, value)) ??
    // The map's default also applies to values that are unknown.
    listed.find(([value]) => value === "*" && seen !== "absent");
  return pair?.[1];
}

/** The elements of "@name"; the listing has all that a followed packet may meet. */
function named(right: unknown, rule: ListedRule, sets: Listing["sets"]): unknown {
  return typeof right === "string" && right.startsWith("@")
    ? (sets.get(setKey(rule, right)) ?? [])
    : right;
}

/**
 * Matches of iptables that stay opaque pick particular packets, except for a comment and a limit.
 */
function xtMatches(statement: Statement): boolean {
  const match = xtName(statement, "match");
  return match === undefined || match === "comment" || match === "limit";
}

function compares(seen: Seen, op: string, right: unknown): boolean {
  if (typeof seen === "string" || !("is" in seen)) return false;
  const value = Number(seen.is[0]);
  const limit = Number(right);
  switch (op) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    default:
      return false;
  }
}
