/** Whether a condition of a rule, as nft's JSON has it, is met by a first packet to a closed port. */

import { isWithin, parseAddress, parsePrefix } from "../core/address.ts";
import type { Probe } from "./closed-port.ts";

/** One statement of a rule: an object whose key is its kind (libnftables-json(5)). */
export type Statement = Readonly<Record<string, unknown>>;

/** Ports that no service and no rule is likely to name. */
const SAMPLE_PORTS: Readonly<Record<string, number>> = { dport: 47_851, sport: 52_417 };

/** The value of what a rule looks at: known, absent (the packet has no such header), or particular. */
type Seen = { readonly is: readonly unknown[] } | "absent" | "particular" | "any but lo";

/** Whether the packet goes on to the rule's next statement. */
export function matches(statement: Statement, probe: Probe, rule: readonly Statement[]): boolean {
  // "over" limits are for floods; below a limit a packet goes on.
  if ("limit" in statement) return !isInverted(statement["limit"]);
  if ("xt" in statement) return xtMatches(statement["xt"], rule);
  if (!("match" in statement)) return true;
  const { op, left, right } = statement["match"] as { op: string; left: unknown; right: unknown };
  const seen = see(left, probe);
  if (seen === "absent") return false;
  const negated = op === "!=";
  if (seen === "particular") return negated;
  if (seen !== "any but lo" && op !== "==" && op !== "in" && !negated) {
    return compares(seen, op, right);
  }
  const equal =
    seen === "any but lo"
      ? !includes(right, "lo")
      : seen.is.some((value) => includes(right, value));
  return equal !== negated;
}

/** The statement that a verdict map yields for the packet; undefined when it has none for it. */
export function vmapVerdict(statement: Statement, probe: Probe): Statement | undefined {
  const { key, data } = statement["vmap"] as { key: unknown; data: unknown };
  const pairs = (data as { set?: readonly (readonly [unknown, Statement])[] } | null)?.set;
  if (!Array.isArray(pairs)) return undefined; // a named map
  const seen = see(key, probe);
  if (seen === "absent" || seen === "particular") return undefined;
  const pair = (pairs as readonly (readonly [unknown, Statement])[]).find(([name]) =>
    seen === "any but lo" ? !includes(name, "lo") : seen.is.some((value) => includes(name, value)),
  );
  return pair?.[1];
}

function isInverted(limit: unknown): boolean {
  return (limit as { inv?: boolean } | null)?.inv === true;
}

/**
 * Matches of the iptables compatibility layer are opaque here. Those seen in the field pick particular
 * packets (a tracking state, a set, a comment's neighbour), but for "is it addressed to us? return".
 */
function xtMatches(xt: unknown, rule: readonly Statement[]): boolean {
  const { type, name } = (xt ?? {}) as { type?: string; name?: string };
  if (type !== "match") return true;
  if (name === "comment" || name === "limit") return true;
  return name === "addrtype" && rule.some((statement) => "return" in statement);
}

function see(left: unknown, probe: Probe): Seen {
  const of = (left ?? {}) as {
    meta?: { key: string };
    ct?: { key: string };
    fib?: { result: string; flags: unknown };
    payload?: { protocol?: string; field?: string };
    "&"?: readonly unknown[];
  };
  if (of.meta !== undefined) return seeMeta(of.meta.key, probe);
  if (of.ct !== undefined) return of.ct.key === "state" ? { is: ["new"] } : "particular";
  if (of.fib?.result === "type") {
    return includes(of.fib.flags, "daddr") ? { is: ["local"] } : { is: ["unicast"] };
  }
  if (of.payload !== undefined) return seePayload(of.payload, probe);
  // `tcp flags & (fin | syn | rst | ack)`: of a first packet, SYN alone is left of any mask.
  if (of["&"] !== undefined) return see(of["&"][0], probe);
  return "particular";
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
  const port = SAMPLE_PORTS[field];
  return port === undefined ? "particular" : { is: [port] };
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

function compares(seen: Exclude<Seen, string>, op: string, right: unknown): boolean {
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
