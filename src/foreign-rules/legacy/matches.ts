/** Matches of iptables-legacy, as conditions of nft: those that decide for strangers too. */

import type { Statement } from "../listing.ts";
import type { Part } from "./entries.ts";
import { condition, particular } from "./header.ts";

/**
 * The conditions of a match. One whose data does not fit the kernel's headers cannot be read; an
 * unknown one picks particular packets, like those of iptables-nft.
 */
export function matchConditions(match: Part): Statement[] {
  const reader = READERS[`${match.name} ${match.revision}`];
  if (reader === undefined) return [{ xt: { type: "match", name: match.name } }];
  return match.data.byteLength < reader.least ? [{ unread: match.name }] : reader.read(match.data);
}

interface Reader {
  /** The bytes that `read` needs. */
  readonly least: number;
  readonly read: (data: DataView) => Statement[];
}

const READERS: Readonly<Record<string, Reader>> = {
  "tcp 0": { least: 12, read: tcp },
  "udp 0": { least: 9, read: udp },
  "multiport 0": { least: 32, read: (data) => multiport(data, 0) },
  "multiport 1": { least: 48, read: (data) => multiport(data, 1) },
  "state 0": { least: 4, read: (data) => [stateCondition(data.getUint32(0, true), false)] },
  "conntrack 1": { least: 152, read: (data) => conntrack(data, data.getUint8(150)) },
  "conntrack 2": { least: 154, read: (data) => conntrack(data, data.getUint16(150, true)) },
  "conntrack 3": { least: 154, read: (data) => conntrack(data, data.getUint16(150, true)) },
  "addrtype 0": {
    least: 12,
    read: (data) =>
      addressTypes(data, data.getUint32(4, true) !== 0, data.getUint32(8, true) !== 0),
  },
  "addrtype 1": {
    least: 8,
    // XT_ADDRTYPE_INVERT_SOURCE, XT_ADDRTYPE_INVERT_DEST
    read: (data) =>
      addressTypes(data, (data.getUint32(4, true) & 1) !== 0, (data.getUint32(4, true) & 2) !== 0),
  },
};

const ANY_PORT = [0, 0xffff] as const;

function ports(data: DataView, at: number, protocol: string, field: string, negated: boolean) {
  const [from, to] = [data.getUint16(at, true), data.getUint16(at + 2, true)];
  if (from === ANY_PORT[0] && to === ANY_PORT[1] && !negated) return [];
  return [condition({ payload: { protocol, field } }, { range: [from, to] }, negated)];
}

/**
 * linux/netfilter/xt_tcpudp.h: `struct xt_tcp { u16 spts[2], dpts[2]; u8 option, flg_mask, flg_cmp, invflags; }`,
 * XT_TCP_INV_SRCPT 1, _DSTPT 2, _FLAGS 4, _OPTION 8
 */
function tcp(data: DataView): Statement[] {
  const inverse = data.getUint8(11);
  const SYN = 0x02;
  const flagsMet = ((SYN & data.getUint8(9)) === data.getUint8(10)) !== ((inverse & 4) !== 0);
  const flags = { payload: { protocol: "tcp", field: "flags" } };
  return [
    ...ports(data, 0, "tcp", "sport", (inverse & 1) !== 0),
    ...ports(data, 4, "tcp", "dport", (inverse & 2) !== 0),
    ...(data.getUint8(8) === 0 ? [] : [particular((inverse & 8) !== 0)]),
    ...(flagsMet ? [] : [condition(flags, "syn", true)]),
  ];
}

/** `struct xt_udp { u16 spts[2], dpts[2]; u8 invflags; }`: XT_UDP_INV_SRCPT 1, XT_UDP_INV_DSTPT 2 */
function udp(data: DataView): Statement[] {
  const inverse = data.getUint8(8);
  return [
    ...ports(data, 0, "udp", "sport", (inverse & 1) !== 0),
    ...ports(data, 4, "udp", "dport", (inverse & 2) !== 0),
  ];
}

/**
 * linux/netfilter/xt_multiport.h: `struct xt_multiport_v1 { u8 flags, count; u16 ports[15]; u8 pflags[15], invert; }`,
 * without the last two in revision 0; flags XT_MULTIPORT_SOURCE 0, _DESTINATION 1, _EITHER 2
 */
function multiport(data: DataView, revision: 0 | 1): Statement[] {
  const MOST = 15;
  const [kind, count] = [data.getUint8(0), Math.min(data.getUint8(1), MOST)];
  const portAt = (i: number) => data.getUint16(2 + 2 * i, true);
  const set: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const isRange = revision === 1 && i + 1 < count && data.getUint8(2 + 2 * MOST + i) !== 0;
    set.push(isRange ? { range: [portAt(i), portAt(i + 1)] } : portAt(i));
    if (isRange) i++;
  }
  const negated = revision === 1 && data.getUint8(2 + 3 * MOST) !== 0;
  // For "either" the destination decides: no rule is likely to name a stranger's own port.
  const left = { payload: { protocol: "th", field: kind === 0 ? "sport" : "dport" } };
  return [condition(left, { set }, negated)];
}

/** linux/netfilter/xt_conntrack.h: XT_CONNTRACK_STATE_INVALID 1, XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED …) */
const STATES = [
  [0x01, "invalid"],
  [0x02, "established"],
  [0x04, "related"],
  [0x08, "new"],
  [0x40, "snat"],
  [0x80, "dnat"],
  [0x100, "untracked"],
] as const;

function stateCondition(mask: number, negated: boolean): Statement {
  const right = STATES.flatMap(([bit, name]) => ((mask & bit) === 0 ? [] : [name]));
  return condition({ ct: { key: "state" } }, right, negated);
}

/**
 * linux/netfilter/xt_conntrack.h: `struct xt_conntrack_mtinfo1 … 3`: 128 bytes of addresses, expiry, protocol and
 * ports, then u16 match_flags, invert_flags and the states
 */
function conntrack(data: DataView, states: number): Statement[] {
  const XT_CONNTRACK_STATE = 0x1;
  /** The rule was written with `-m state`. */
  const XT_CONNTRACK_STATE_ALIAS = 0x2000;
  const [asked, inverse] = [data.getUint16(146, true), data.getUint16(148, true)];
  const found: Statement[] = [];
  for (let bit = 1; bit <= asked; bit <<= 1) {
    if ((asked & bit) === 0 || bit === XT_CONNTRACK_STATE_ALIAS) continue;
    const negated = (inverse & bit) !== 0;
    found.push(
      bit === XT_CONNTRACK_STATE
        ? stateCondition(states, negated)
        : condition({ ct: { key: "status" } }, 0, negated),
    );
  }
  return found;
}

/** linux/netfilter/xt_addrtype.h, in the order of the bits */
const TYPES =
  "unspec unicast local broadcast anycast multicast blackhole unreachable prohibit".split(" ");

/** `struct xt_addrtype_info_v1 { u16 source, dest; u32 flags; }` */
function addressTypes(data: DataView, notSource: boolean, notTarget: boolean): Statement[] {
  return (["saddr", "daddr"] as const).flatMap((side, i) => {
    const mask = data.getUint16(2 * i, true);
    if (mask === 0) return [];
    const set = TYPES.filter((_, bit) => (mask & (1 << bit)) !== 0);
    const left = { fib: { result: "type", flags: [side] } };
    return [condition(left, { set }, i === 0 ? notSource : notTarget)];
  });
}
