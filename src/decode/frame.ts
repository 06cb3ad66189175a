/** Frame → knock: finds the IP packet behind any of the known link layers. */

import type { Knock } from "../core/knock.ts";
import { LinkType } from "../core/link-type.ts";
import { decodeIpv4, decodeIpv6 } from "./ip.ts";
import { decodeCiscoHdlc, decodePpp, decodePppoe, decodeSerial } from "./ppp.ts";

/** linux/if_ether.h */
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const ETH_P_PPP_SES = 0x8864;
const ETH_P_QINQ1 = 0x9100;

/** linux/if_packet.h: seen because the interface is promiscuous, or sent by this machine */
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;

const ETHERNET_BYTES = 14;
const COOKED1_BYTES = 16;
const COOKED2_BYTES = 20;
const LOOPBACK_BYTES = 4;
const VLAN_TAG_BYTES = 4;

/** Two tags are QinQ; more are tolerated up to here. The bound keeps a frame full of tags cheap. */
const MOST_VLAN_TAGS = 4;

/** AF_INET everywhere, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin */
const BSD_INET = 2;
const BSD_INET6: ReadonlySet<number> = new Set([10, 24, 28, 30]);

/**
 * Reads `frame[offset, offset + length)`, which must lie inside the view, as a frame of `linkType`.
 * Returns true for a knock: a TCP segment with SYN and none of ACK, FIN and RST, or a UDP datagram,
 * over IPv4 or IPv6, whole or the first fragment. `knock` then holds it, except for `timeMs`.
 * Returns false for everything else: outgoing and foreign packets of cooked captures, later
 * fragments, malformed or cut headers, other protocols. `knock` may then hold a part of it. Never
 * throws and allocates nothing.
 */
export function decodeFrame(
  linkType: LinkType,
  frame: DataView,
  offset: number,
  length: number,
  knock: Knock,
): boolean {
  const end = offset + length;
  switch (linkType) {
    case LinkType.ethernet:
      if (length < ETHERNET_BYTES) return false;
      return decodeTagged(frame, frame.getUint16(offset + 12), offset + 14, end, knock);
    case LinkType.cooked1:
      if (length < COOKED1_BYTES || isNotForUs(frame.getUint16(offset))) return false;
      return decodeTagged(frame, frame.getUint16(offset + 14), offset + 16, end, knock);
    case LinkType.cooked2:
      if (length < COOKED2_BYTES || isNotForUs(frame.getUint8(offset + 10))) return false;
      return decodeTagged(frame, frame.getUint16(offset), offset + 20, end, knock);
    case LinkType.raw:
    case LinkType.rawOpenBsd:
    case LinkType.rawFile:
      return decodeIp(frame, offset, end, knock);
    case LinkType.ipv4:
      return decodeIpv4(frame, offset, end, knock);
    case LinkType.ipv6:
      return decodeIpv6(frame, offset, end, knock);
    case LinkType.null:
    case LinkType.loop:
      return length >= LOOPBACK_BYTES && decodeLoopback(frame, offset, end, knock);
    case LinkType.ppp:
      return decodePpp(frame, offset, end, knock);
    case LinkType.pppSerial:
      return decodeSerial(frame, offset, end, knock);
    case LinkType.pppoe:
      return decodePppoe(frame, offset, end, knock);
    case LinkType.ciscoHdlc:
      return decodeCiscoHdlc(frame, offset, end, knock);
    default:
      return false;
  }
}

/**
 * A cooked capture of `any` sees a forwarded packet twice, and the packets that this machine sends:
 * neither are knocks.
 */
function isNotForUs(packetType: number): boolean {
  return packetType === PACKET_OUTGOING || packetType === PACKET_OTHERHOST;
}

/** `type` is the EtherType of the bytes at `start`, which may be a further VLAN tag. */
function decodeTagged(
  frame: DataView,
  type: number,
  start: number,
  end: number,
  knock: Knock,
): boolean {
  for (let tags = 0; tags <= MOST_VLAN_TAGS; tags++) {
    if (type === ETH_P_IP) return decodeIpv4(frame, start, end, knock);
    if (type === ETH_P_IPV6) return decodeIpv6(frame, start, end, knock);
    if (type === ETH_P_PPP_SES) return decodePppoe(frame, start, end, knock);
    if (type !== ETH_P_8021Q && type !== ETH_P_8021AD && type !== ETH_P_QINQ1) return false;
    if (start + VLAN_TAG_BYTES > end) return false;
    type = frame.getUint16(start + 2);
    start += VLAN_TAG_BYTES;
  }
  return false;
}

function decodeIp(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start >= end) return false;
  return frame.getUint8(start) >>> 4 === 6
    ? decodeIpv6(frame, start, end, knock)
    : decodeIpv4(frame, start, end, knock);
}

/**
 * The family is in the byte order of the capturing machine: the smaller of the two readings is
 * right.
 */
function decodeLoopback(frame: DataView, offset: number, end: number, knock: Knock): boolean {
  const big = frame.getUint32(offset);
  const family = big > 0xffff ? frame.getUint32(offset, true) : big;
  if (family === BSD_INET) return decodeIpv4(frame, offset + LOOPBACK_BYTES, end, knock);
  return BSD_INET6.has(family) && decodeIpv6(frame, offset + LOOPBACK_BYTES, end, knock);
}
