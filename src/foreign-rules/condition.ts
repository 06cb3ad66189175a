/** Whether a condition of a rule, as nft's JSON has it, is met by the packet of a probe. */

import { isWithin, parseAddress, parsePrefix } from "../core/address.ts";
import { type ListedRule, type Listing, setKey, type Statement } from "./listing.ts";
import type { Probe } from "./probe.ts";
import { xtName } from "./xt.ts";

/** A source port that no rule is likely to name. */
const SOURCE_PORT = 52_417;

/** The value of what a rule looks at: known, absent (the packet has no such header), or particular. */
type Seen =
  | { readonly is: readonly unknown[] }
  | { readonly each: readonly Seen[] }
  | "absent"
  | "particular"
  | "any but lo";

/**
 * Whether the packet goes on to the rule's next statement. Conditions on what a stranger's packet
 * cannot have (an address, a mark) count as unmet, those of iptables that stay opaque too.
 */
export function meets(
  statement: Statement,
  probe: Probe,
  rule: ListedRule,
  sets: Listing["sets"],
): boolean {
  // "over" limits are for floods; below a limit a packet goes on.
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

/** The statement that a verdict map yields for the packet; undefined when it has none for it. */
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
    // What the map has for all others is for those, too, of whom nothing is known.
    listed.find(([value]) => value === "*" && seen !== "absent");
  return pair?.[1];
}

/**
 * Whether what is seen is the same for every stranger, so that a set which it is looked up in must be
 * read; `addresses`: the probes that follow know what they are sent to.
 */
export function isTelling(left: unknown, addresses: boolean): boolean {
  const known = addresses ? { addresses: [] } : {};
  return ([4, 6] as const).some((family) =>
    (["tcp", "udp"] as const).some(
      (proto) => typeof see(left, { family, proto, port: 1, interface: "", ...known }) === "object",
    ),
  );
}

/** The elements of "@name", of which the listing has all that telling conditions name. */
function named(right: unknown, rule: ListedRule, sets: Listing["sets"]): unknown {
  return typeof right === "string" && right.startsWith("@")
    ? (sets.get(setKey(rule, right)) ?? [])
    : right;
}

/** Matches of iptables that stay opaque pick particular packets, but for a comment and a limit. */
function xtMatches(statement: Statement): boolean {
  const match = xtName(statement, "match");
  return match === undefined || match === "comment" || match === "limit";
}

function see(left: unknown, probe: Probe): Seen {
  const of = (left ?? {}) as {
    meta?: { key: string };
    ct?: { key: string };
    fib?: { result: string; flags: unknown };
    payload?: { protocol?: string; field?: string };
    concat?: readonly unknown[];
    "&"?: readonly unknown[];
  };
  if (of.meta !== undefined) return seeMeta(of.meta.key, probe);
  if (of.ct !== undefined) return of.ct.key === "state" ? { is: ["new"] } : "particular";
  if (of.fib?.result === "type") {
    return includes(of.fib.flags, "daddr") ? { is: ["local"] } : { is: ["unicast"] };
  }
  if (of.payload !== undefined) return seePayload(of.payload, probe);
  if (of.concat !== undefined) return seeAll(of.concat.map((one) => see(one, probe)));
  // `tcp flags & (fin | syn | rst | ack)`: of a first packet, SYN alone is left of any mask.
  if (of["&"] !== undefined) return see(of["&"][0], probe);
  return "particular";
}

function seeAll(each: readonly Seen[]): Seen {
  if (each.includes("absent")) return "absent";
  return each.includes("particular") ? "particular" : { each };
}

function seeMeta(key: string, { family, proto, interface: arrives }: Probe): Seen {
  switch (key) {
    case "nfproto":
      return { is: [family === 4 ? "ipv4" : "ipv6"] };
    case "protocol":
      return { is: [family === 4 ? "ip" : "ip6"] };
    case "l4proto":
      return { is: [proto, proto === "tcp" ? 6 : 17] };
    case "pkttype":
      return { is: ["host", "unicast"] };
    case "iif":
    case "iifname":
      return arrives === undefined ? "any but lo" : { is: [arrives] };
    default:
      return "particular";
  }
}

function seePayload(payload: { protocol?: string; field?: string }, probe: Probe): Seen {
  const { protocol = "", field = "" } = payload;
  const ip = probe.family === 4 ? "ip" : "ip6";
  if (protocol === "ip" || protocol === "ip6") {
    if (protocol !== ip) return "absent";
    if (field === "daddr" && probe.addresses !== undefined) return { is: probe.addresses };
    const isProtocol = field === "protocol" || field === "nexthdr";
    return isProtocol ? { is: [probe.proto, probe.proto === "tcp" ? 6 : 17] } : "particular";
  }
  if (protocol !== "th" && protocol !== probe.proto) return "absent";
  if (field === "flags") return { is: ["syn"] };
  if (field === "dport") return { is: [probe.port] };
  return field === "sport" ? { is: [SOURCE_PORT] } : "particular";
}

function agrees(seen: Seen, right: unknown): boolean {
  if (seen === "absent" || seen === "particular") return false;
  if (seen === "any but lo") return !includes(right, "lo");
  if ("is" in seen) return seen.is.some((value) => includes(right, value));
  return concatenations(right).some((parts) =>
    seen.each.every((one, i) => parts[i] !== undefined && agrees(one, parts[i])),
  );
}

function concatenations(right: unknown): (readonly unknown[])[] {
  if (Array.isArray(right)) return right.flatMap(concatenations);
  if (typeof right !== "object" || right === null) return [];
  const { set, elem, concat } = right as {
    set?: unknown;
    elem?: { val?: unknown };
    concat?: readonly unknown[];
  };
  return concat === undefined ? concatenations(elem === undefined ? set : elem.val) : [concat];
}

/** Whether a value is in what stands on the right: itself, a set, a list, a range. */
function includes(right: unknown, value: unknown): boolean {
  if (Array.isArray(right)) return right.some((part) => includes(part, value));
  if (typeof right === "string" && right.endsWith("*")) {
    return typeof value === "string" && value.startsWith(right.slice(0, -1)); // "br-*"
  }
  if (typeof right !== "object" || right === null) return right === value;
  const { set, range, elem, prefix } = right as {
    set?: unknown;
    range?: [unknown, unknown];
    elem?: { val?: unknown };
    prefix?: { addr: string; len: number };
  };
  if (prefix !== undefined) return inNetwork(value, prefix);
  if (range !== undefined && typeof value === "number") {
    return Number(range[0]) <= value && value <= Number(range[1]);
  }
  if (elem !== undefined) return includes(elem.val, value);
  return set !== undefined && includes(set, value);
}

function inNetwork(value: unknown, { addr, len }: { addr: string; len: number }): boolean {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  const network = parsePrefix(`${addr}/${len}`);
  return address !== undefined && network !== undefined && isWithin(address, network);
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
