/**
 * The interfaces of this network namespace: state, addresses, and the programs that see packets
 * first.
 */

import { type Address, addressFromBytes } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { Errno } from "./errno.ts";
import { failure } from "./libc.ts";
import { allWithin, behind, bytesOf, type Span, textOf, within } from "./netlink/attributes.ts";
import { dump } from "./netlink/dump.ts";
import { type Message, NLM_F } from "./netlink/message.ts";
import { MessageWriter } from "./netlink/message-writer.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink/socket.ts";

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
/** A list of properties; its elements may come several times. */
const IFLA_PROP_LIST = 52;
const IFLA_ALT_IFNAME = 53;
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
/** linux/pkt_sched.h: the ingress side of the qdiscs `clsact` (TC_H_MIN_INGRESS) and `ingress`. */
const INCOMING = [0xffff_fff2, 0xffff_0000];

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Alternative names (`ip link property add`): the kernel takes each in place of the name. */
  readonly otherNames: readonly string[];
  readonly loopback: boolean;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** There is a device at the other end. */
  readonly carrier: boolean;
  /** "bridge", "veth", "wireguard"; absent for hardware. */
  readonly kind?: string;
  /** The mode of an attached XDP program; absent without one. */
  readonly xdp?: (typeof XDP_MODES)[number];
  readonly addresses: readonly Address[];
}

/** Every interface, with its addresses. Needs no privilege; throws OpError. */
export function readLinks(): Link[] {
  const addresses = Map.groupBy(readAddresses(), ({ index }) => index);
  const header = new Uint8Array(IFINFOMSG_BYTES);
  return ask(RTM_GETLINK, header, (view, message, attributes) => {
    const link = linkOf(view, message, attributes);
    return { ...link, addresses: (addresses.get(link.index) ?? []).map(({ address }) => address) };
  });
}

/**
 * Hands every message of the answer to a dump of `type` to `read`, with the attributes behind its
 * fixed header, which is as long as that of the question. Shorter messages are ignored.
 */
function ask<T>(
  type: number,
  header: Uint8Array,
  read: (view: DataView, message: Message, attributes: Span) => T,
): T[] {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const out = new MessageWriter(64);
  const answer = dump<T>(
    socket,
    (sequence) => {
      out.begin(type, NLM_F.REQUEST | NLM_F.DUMP, sequence, header);
      return out;
    },
    (view, message, found) => {
      const attributes = behind(message, header.length);
      if (attributes !== undefined) found.push(read(view, message, attributes));
    },
  );
  if ("found" in answer) return answer.found;
  throw failure(answer.refused.code, {
    operation: "read",
    object: "the interfaces of this machine",
    remedy: "see whether `ip link` works",
  });
}

function linkOf(view: DataView, { at }: Message, attributes: Span): Omit<Link, "addresses"> {
  const flags = view.getUint32(at + 8, true);
  const info = within(view, attributes, IFLA_LINKINFO);
  const kind = info && within(view, info, IFLA_INFO_KIND);
  const xdp = within(view, attributes, IFLA_XDP);
  const attached = xdp && within(view, xdp, IFLA_XDP_ATTACHED, 1);
  const mode = attached === undefined ? 0 : view.getUint8(attached.at);
  const name = within(view, attributes, IFLA_IFNAME);
  const properties = within(view, attributes, IFLA_PROP_LIST);
  const others = properties === undefined ? [] : allWithin(view, properties, IFLA_ALT_IFNAME);
  return {
    index: view.getInt32(at + 4, true),
    name: name === undefined ? "?" : textOf(view, name),
    otherNames: others.map((other) => textOf(view, other)),
    loopback: (flags & IFF_LOOPBACK) !== 0,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    ...(kind !== undefined && { kind: textOf(view, kind) }),
    ...(mode > 0 && { xdp: XDP_MODES[mode] ?? "several" }),
  };
}

function readAddresses(): { index: number; address: Address }[] {
  return ask(RTM_GETADDR, new Uint8Array(IFADDRMSG_BYTES), (view, { at }, attributes) => {
    // On a point-to-point link IFA_ADDRESS is the peer's; on other links IPv6 has no IFA_LOCAL.
    const found = within(view, attributes, IFA_LOCAL) ?? within(view, attributes, IFA_ADDRESS);
    const bytes = found && bytesOf(view, found);
    if (bytes?.length !== 4 && bytes?.length !== 16) return [];
    return [{ index: view.getUint32(at + 4, true), address: addressFromBytes(bytes) }];
  }).flat();
}

/**
 * The classifiers ("u32", "bpf") that see incoming packets of an interface before the guard does;
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
    return ask(RTM_GETTFILTER, new Uint8Array(body.buffer), (view, _message, attributes) => {
      const kind = within(view, attributes, TCA_KIND);
      return kind === undefined ? "?" : textOf(view, kind);
    });
  } catch (error) {
    // A kernel without traffic control, or an interface that is gone.
    const none = [Errno.EOPNOTSUPP, Errno.EINVAL, Errno.ENODEV] as readonly number[];
    if (error instanceof OpError && none.includes(error.code)) return [];
    throw error;
  }
}
