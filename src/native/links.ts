/** The interfaces of this network namespace: their state, addresses, and the programs that see packets first. */

import { type Address, addressFromBytes } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { Errno } from "./errno.ts";
import {
  attributeString,
  dumpRoutes,
  nestedAttribute,
  routeAttribute,
  type RouteMessage,
} from "./netlink/dump.ts";

/** linux/rtnetlink.h */
const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETTFILTER = 46;
/** `struct ifinfomsg { u8 family, pad; u16 type; i32 index; u32 flags, change; }` */
const IFINFOMSG_BYTES = 16;
/** linux/if_link.h */
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const XDP_MODES = ["none", "driver", "generic", "hardware", "several"] as const;
/** linux/if.h */
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x1_0000;
/** linux/if_addr.h: `struct ifaddrmsg { u8 family, prefixlen, flags, scope; u32 index; }` */
const IFADDRMSG_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
/** linux/rtnetlink.h: `struct tcmsg { u8 family, pad; u16 pad; i32 ifindex; u32 handle, parent, info; }` */
const TCMSG_BYTES = 20;
const TCA_KIND = 1;
/** linux/pkt_sched.h: what comes in, of the qdiscs `clsact` (TC_H_MIN_INGRESS) and `ingress`. */
const INCOMING = [0xffff_fff2, 0xffff_0000];

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly loopback: boolean;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** Something answers at the other end. */
  readonly carrier: boolean;
  /** "bridge", "veth", "wireguard"; absent for hardware. */
  readonly kind?: string;
  /** Where an XDP program sits; absent without one. */
  readonly xdp?: (typeof XDP_MODES)[number];
  readonly addresses: readonly Address[];
}

/** Every interface, with its addresses. Needs no privilege; throws OpError. */
export function readLinks(): Link[] {
  const addresses = Map.groupBy(readAddresses(), ({ index }) => index);
  return dumpRoutes(RTM_GETLINK, new Uint8Array(IFINFOMSG_BYTES), (message) => {
    const link = linkOf(message);
    return { ...link, addresses: (addresses.get(link.index) ?? []).map(({ address }) => address) };
  });
}

function linkOf(message: RouteMessage): Omit<Link, "addresses"> {
  const { view, at } = message;
  const flags = view.getUint32(at + 8, true);
  const attribute = (type: number) => routeAttribute(message, IFINFOMSG_BYTES, type);
  const info = attribute(IFLA_LINKINFO);
  const kind = info && attributeString(nestedAttribute(info, IFLA_INFO_KIND));
  const xdp = attribute(IFLA_XDP);
  const mode = (xdp && nestedAttribute(xdp, IFLA_XDP_ATTACHED)?.[0]) ?? 0;
  return {
    index: view.getInt32(at + 4, true),
    name: attributeString(attribute(IFLA_IFNAME)) ?? "?",
    loopback: (flags & IFF_LOOPBACK) !== 0,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    ...(kind !== undefined && { kind }),
    ...(mode > 0 && { xdp: XDP_MODES[mode] ?? "several" }),
  };
}

function readAddresses(): { index: number; address: Address }[] {
  return dumpRoutes(RTM_GETADDR, new Uint8Array(IFADDRMSG_BYTES), (message) => {
    // IFA_ADDRESS is the peer's on a point-to-point link; IPv6 has no IFA_LOCAL elsewhere.
    const bytes =
      routeAttribute(message, IFADDRMSG_BYTES, IFA_LOCAL) ??
      routeAttribute(message, IFADDRMSG_BYTES, IFA_ADDRESS);
    const index = message.view.getUint32(message.at + 4, true);
    return bytes === undefined ? [] : [{ index, address: addressFromBytes(bytes) }];
  }).flat();
}

/**
 * The classifiers ("u32", "bpf") that look at what comes in at an interface before the guard does;
 * programs attached as tcx links are not among them. Needs no privilege; throws OpError.
 */
export function incomingFilters(index: number): string[] {
  return [...new Set(INCOMING.flatMap((parent) => filtersAt(index, parent)))];
}

function filtersAt(index: number, parent: number): string[] {
  const body = new DataView(new ArrayBuffer(TCMSG_BYTES));
  body.setInt32(4, index, true);
  body.setUint32(12, parent, true);
  try {
    return dumpRoutes(RTM_GETTFILTER, new Uint8Array(body.buffer), (message) => {
      return attributeString(routeAttribute(message, TCMSG_BYTES, TCA_KIND)) ?? "?";
    });
  } catch (error) {
    // A kernel without traffic control, or an interface that is gone by now.
    const none = [Errno.EOPNOTSUPP, Errno.EINVAL, Errno.ENODEV] as readonly number[];
    if (error instanceof OpError && none.includes(error.code)) return [];
    throw error;
  }
}
