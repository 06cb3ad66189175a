/** The flows of the connection tracking table, as ctnetlink writes them. */

import { type Address, addressFromBytes, type Family } from "../core/address.ts";
import {
  attributeLength,
  bytesOf,
  findAttribute,
  NLA_F_NESTED,
  NLA_HDRLEN,
  type Span,
  within,
} from "../native/netlink/attributes.ts";

/** linux/netfilter/nfnetlink_conntrack.h: enum ctattr_type */
export const CTA_TUPLE_ORIG = 1;
export const CTA_PROTOINFO = 4;
const CTA_ID = 12;
const CTA_ZONE = 18;
/** enum ctattr_tuple, ctattr_ip, ctattr_l4proto */
export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;
export const CTA_IP = { source: { 4: 1, 6: 3 }, target: { 4: 2, 6: 4 } } as const;
export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;
/** enum ctattr_protoinfo, ctattr_protoinfo_tcp */
export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_STATE = 1;
/**
 * linux/netfilter/nf_conntrack_tcp.h: TCP_CONNTRACK_LAST_ACK; TIME_WAIT and CLOSE come after it. Both
 * sides have said that they are done, or one has reset it.
 */
const TCP_CONNTRACK_LAST_ACK = 6;

/** Which of the two addresses of a flow in its original direction. */
export type End = keyof typeof CTA_IP;
export const ENDS = ["source", "target"] as const satisfies readonly End[];

/** One end-to-end flow in its original direction. */
export interface Flow {
  readonly source: Address;
  readonly target: Address;
  readonly proto: number;
  readonly sourcePort: number;
  readonly targetPort: number;
}

/** An attribute that helps to identify a flow. */
export interface Handle {
  readonly type: number;
  readonly value: Uint8Array;
}

/**
 * Whether the flow has its `end` in the network: the first 4, 8 or 16 bytes of an address. Makes no
 * object, since a table may hold hundreds of thousands of flows.
 */
export function hasEndIn(view: DataView, flow: Span, end: End, network: Uint8Array): boolean {
  const tuple = findAttribute(view, flow.at, flow.end, CTA_TUPLE_ORIG);
  if (tuple < 0) return false;
  const behindTuple = tuple + attributeLength(view, tuple);
  const ip = findAttribute(view, tuple + NLA_HDRLEN, behindTuple, CTA_TUPLE_IP);
  if (ip < 0) return false;
  const type = CTA_IP[end][network.length === 4 ? 4 : 6];
  const found = findAttribute(view, ip + NLA_HDRLEN, ip + attributeLength(view, ip), type);
  if (found < 0 || attributeLength(view, found) < NLA_HDRLEN + network.length) return false;
  for (let i = 0; i < network.length; i++) {
    if (view.getUint8(found + NLA_HDRLEN + i) !== network[i]) return false;
  }
  return true;
}

/** The tuple, identity and zone, as the kernel wrote them. */
export function identity(view: DataView, attributes: Span): Handle[] {
  return [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE].flatMap((type) => {
    const found = within(view, attributes, type);
    if (found === undefined) return [];
    const nested = type === CTA_TUPLE_ORIG ? NLA_F_NESTED : 0;
    return [{ type: type | nested, value: bytesOf(view, found) }];
  });
}

/** Whether a TCP connection is over, and only remembered for a while. */
export function isOver(view: DataView, attributes: Span): boolean {
  const info = within(view, attributes, CTA_PROTOINFO);
  const tcp = info && within(view, info, CTA_PROTOINFO_TCP);
  const state = tcp && within(view, tcp, CTA_PROTOINFO_TCP_STATE, 1);
  return state !== undefined && view.getUint8(state.at) >= TCP_CONNTRACK_LAST_ACK;
}

/** Undefined for flows without ports (ICMP), and for malformed ones. */
export function readFlow(view: DataView, attributes: Span, family: Family): Flow | undefined {
  const tuple = within(view, attributes, CTA_TUPLE_ORIG);
  const ip = tuple && within(view, tuple, CTA_TUPLE_IP);
  const proto = tuple && within(view, tuple, CTA_TUPLE_PROTO);
  if (ip === undefined || proto === undefined) return undefined;
  const size = family === 4 ? 4 : 16;
  const source = within(view, ip, CTA_IP.source[family], size);
  const target = within(view, ip, CTA_IP.target[family], size);
  const number = within(view, proto, CTA_PROTO_NUM, 1);
  const from = within(view, proto, CTA_PROTO_SRC_PORT, 2);
  const to = within(view, proto, CTA_PROTO_DST_PORT, 2);
  if (!source || !target || !number || !from || !to) return undefined;
  return {
    source: addressFromBytes(bytesOf(view, source).subarray(0, size)),
    target: addressFromBytes(bytesOf(view, target).subarray(0, size)),
    proto: view.getUint8(number.at),
    sourcePort: view.getUint16(from.at),
    targetPort: view.getUint16(to.at),
  };
}
