/** Link types: how the frames of a capture begin. libpcap and capture files use these numbers. */

/** Values of pcap/dlt.h. Capture files use the same numbers, except 101 for raw IP. */
export const LinkType = {
  /** DLT_NULL: BSD loopback, address family in the byte order of the capturing machine */
  null: 0,
  /** DLT_EN10MB: Ethernet */
  ethernet: 1,
  /** DLT_PPP: address and control, which may be missing, and the protocol */
  ppp: 9,
  /** DLT_RAW on Linux: an IPv4 or IPv6 header comes first */
  raw: 12,
  /** DLT_RAW on OpenBSD */
  rawOpenBsd: 14,
  /** DLT_PPP_SERIAL: PPP with address and control, or Cisco HDLC */
  pppSerial: 50,
  /** DLT_PPP_ETHER: PPPoE without the Ethernet header */
  pppoe: 51,
  /** LINKTYPE_RAW: raw IP as capture files number it */
  rawFile: 101,
  /** DLT_C_HDLC: Cisco HDLC */
  ciscoHdlc: 104,
  /** DLT_LOOP: OpenBSD loopback, address family in network byte order */
  loop: 108,
  /** DLT_LINUX_SLL: Linux cooked v1, 16 bytes */
  cooked1: 113,
  /** DLT_IPV4: raw IPv4 */
  ipv4: 228,
  /** DLT_IPV6: raw IPv6 */
  ipv6: 229,
  /** DLT_LINUX_SLL2: Linux cooked v2, 20 bytes */
  cooked2: 276,
} as const;

export type LinkType = (typeof LinkType)[keyof typeof LinkType];

const KNOWN: ReadonlySet<number> = new Set(Object.values(LinkType));

/** Whether frames of this link type can be decoded. */
export function isLinkType(value: number): value is LinkType {
  return KNOWN.has(value);
}
