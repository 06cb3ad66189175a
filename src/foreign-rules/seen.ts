/** The values that a rule sees in a stranger's first packet. */

import type { Probe } from "./probe.ts";
import { includes } from "./agree.ts";

/** A source port that no rule is likely to name. */
const SOURCE_PORT = 52_417;

/**
 * The value of a field: known, absent (the packet has no such header), or particular. "any": of
 * packets to any port.
 */
export type Seen =
  | { readonly is: readonly unknown[] }
  | { readonly each: readonly Seen[] }
  | "absent"
  | "particular"
  | "any"
  | "any but lo";

/** Without a port it is a packet to any port. */
type Packet = Omit<Probe, "port"> & { readonly port?: number };

/** `left`: the left side of a condition. */
export function see(left: unknown, packet: Packet): Seen {
  const of = (left ?? {}) as {
    meta?: { key: string };
    ct?: { key: string };
    fib?: { result: string; flags: unknown };
    payload?: { protocol?: string; field?: string };
    concat?: readonly unknown[];
    "&"?: readonly unknown[];
  };
  if (of.meta !== undefined) return seeMeta(of.meta.key, packet);
  if (of.ct !== undefined)
    return of.ct.key === "state" ? { is: [packet.state ?? "new"] } : "particular";
  if (of.fib?.result === "type") {
    return includes(of.fib.flags, "daddr") ? { is: ["local"] } : { is: ["unicast"] };
  }
  if (of.payload !== undefined) return seePayload(of.payload, packet);
  if (of.concat !== undefined) return seeAll(of.concat.map((one) => see(one, packet)));
  // `tcp flags & (fin | syn | rst | ack)`: of a first packet, SYN alone is left of any mask.
  if (of["&"] !== undefined) return see(of["&"][0], packet);
  return "particular";
}

function seeAll(each: readonly Seen[]): Seen {
  if (each.includes("absent")) return "absent";
  return each.includes("particular") ? "particular" : { each };
}

function seeMeta(key: string, { family, proto, interface: arrives }: Packet): Seen {
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

function seePayload(payload: { protocol?: string; field?: string }, packet: Packet): Seen {
  const { protocol = "", field = "" } = payload;
  const ip = packet.family === 4 ? "ip" : "ip6";
  if (protocol === "ip" || protocol === "ip6") {
    if (protocol !== ip) return "absent";
    if (field === "daddr" && packet.addresses !== undefined) return { is: packet.addresses };
    const isProtocol = field === "protocol" || field === "nexthdr";
    return isProtocol ? { is: [packet.proto, packet.proto === "tcp" ? 6 : 17] } : "particular";
  }
  if (protocol !== "th" && protocol !== packet.proto) return "absent";
  // An invalid one may have any but SYN alone.
  if (field === "flags") return packet.state === "invalid" ? "particular" : { is: ["syn"] };
  if (field === "dport") return packet.port === undefined ? "any" : { is: [packet.port] };
  return field === "sport" ? { is: [SOURCE_PORT] } : "particular";
}
