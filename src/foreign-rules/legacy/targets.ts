/** Targets of iptables-legacy, as statements of nft. */

import { addressFromBytes, formatAddress } from "../../core/address.ts";
import type { LegacyFamily } from "../../native/legacy-table.ts";
import type { Statement } from "../listing.ts";
import { type Entry, LAYOUT } from "./entries.ts";

/**
 * linux/netfilter/x_tables.h: a verdict is −1 − NF_DROP, −1 − NF_ACCEPT, −1 − NF_QUEUE; XT_RETURN;
 * else the offset to continue at.
 */
const VERDICTS: Readonly<Record<number, Statement>> = {
  [-1]: { drop: null },
  [-2]: { accept: null },
  [-4]: { queue: null },
  [-5]: { return: null },
};

/**
 * enum ipt_reject_with, enum ip6t_reject_with; undefined for types that reject nothing (echo
 * replies).
 */
const REJECTS: Readonly<Record<LegacyFamily, readonly (string | undefined)[]>> = {
  ip: [
    "net-unreachable",
    "host-unreachable",
    "prot-unreachable",
    "port-unreachable",
    undefined,
    "net-prohibited",
    "host-prohibited",
    "tcp reset",
    "admin-prohibited",
  ],
  ip6: [
    "no-route",
    "admin-prohibited",
    "no-route", // not-neighbour, which no kernel ever sent
    "addr-unreachable",
    "port-unreachable",
    undefined,
    "tcp reset",
    "policy-fail",
    "reject-route",
  ],
};

/** linux/netfilter/xt_CT.h: XT_CT_NOTRACK */
const XT_CT_NOTRACK = 0x1;
/** linux/netfilter/nf_nat.h: NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED */
const MAP_IPS = 0x1;
const PROTO_SPECIFIED = 0x2;

/**
 * Empty for a rule without a target. `chainAt` finds the chain whose first rule is at an offset.
 */
export function targetStatements(
  { view, target, next }: Entry,
  family: LegacyFamily,
  chainAt: ReadonlyMap<number, string>,
): Statement[] {
  const { name, data, revision } = target;
  if (name === "") {
    if (data.byteLength < 4) return [{ unread: "target" }];
    const verdict = data.getInt32(0, true);
    if (verdict === next) return [];
    if (verdict < 0) return [VERDICTS[verdict] ?? { unread: "verdict" }];
    const chain = chainAt.get(verdict);
    if (chain === undefined) return [{ unread: "jump" }];
    const { flagsAt, gotoFlag } = LAYOUT[family];
    const goes = (view.getUint8(flagsAt) & gotoFlag) !== 0;
    return [goes ? { goto: { target: chain } } : { jump: { target: chain } }];
  }
  switch (name) {
    case "REJECT":
      return reject(data, family);
    case "DNAT":
      return [{ dnat: destination(data, family, revision) }];
    case "REDIRECT":
      return [{ redirect: null }];
    case "NFQUEUE":
      return [{ queue: null }];
    case "NOTRACK":
      return [{ notrack: null }];
    case "CT":
      // Without that flag it sets a helper, a zone or a timeout.
      return data.byteLength >= 2 && (data.getUint16(0, true) & XT_CT_NOTRACK) !== 0
        ? [{ notrack: null }]
        : [{ "ct helper": null }];
    default:
      return [{ xt: { type: "target", name } }];
  }
}

function reject(data: DataView, family: LegacyFamily): Statement[] {
  const expr = data.byteLength < 4 ? undefined : REJECTS[family][data.getUint32(0, true)];
  if (expr === undefined) return [{ unread: "REJECT" }];
  const type = family === "ip" ? "icmp" : "icmpv6";
  // The same as a REJECT without an option, and as `reject` of nft.
  if (expr === "port-unreachable") return [{ reject: null }];
  return [{ reject: expr === "tcp reset" ? { type: expr } : { type, expr } }];
}

/**
 * IPv4 before revision 2: `struct nf_nat_ipv4_multi_range_compat { u32 rangesize; struct { u32 flags; __be32 min_ip,
 * max_ip; __be16 min, max; } range[1]; }`. Else `struct nf_nat_range { u32 flags; union nf_inet_addr min_addr, max_addr;
 * __be16 min_proto, max_proto; }`.
 */
function destination(data: DataView, family: LegacyFamily, revision: number) {
  const compat = family === "ip" && revision < 2;
  const { flagsAt, addressAt, portAt } = compat
    ? { flagsAt: 4, addressAt: 8, portAt: 16 }
    : { flagsAt: 0, addressAt: 4, portAt: 36 };
  if (data.byteLength < portAt + 2) return null;
  const flags = data.getUint32(flagsAt, true);
  const { addressBytes } = LAYOUT[family];
  const bytes = new Uint8Array(data.buffer, data.byteOffset + addressAt, addressBytes);
  return {
    ...((flags & MAP_IPS) !== 0 && { addr: formatAddress(addressFromBytes(bytes)) }),
    ...((flags & PROTO_SPECIFIED) !== 0 && { port: data.getUint16(portAt) }),
  };
}
