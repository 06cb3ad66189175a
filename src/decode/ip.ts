/** IPv4 and IPv6 packets: whether a TCP or UDP header begins in this packet, and where. */

import type { Knock } from "../core/knock.ts";
import { decodeTransport } from "./transport.ts";

/** RFC 791 §3.1 */
const IPV4_BYTES = 20;
const IPV4_FRAGMENT_OFFSET = 0x1fff;

/** RFC 8200 §3, §4 */
const IPV6_BYTES = 40;
const EXTENSION_BYTES = 8;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;
const IPV6_FRAGMENT_OFFSET = 0xfff8;

/** Senders use one or two. The bound keeps a packet made of headers cheap. */
const MOST_EXTENSIONS = 8;

/** Reads an IPv4 packet in `[start, end)`; padding behind its total length is not part of it. */
export function decodeIpv4(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + IPV4_BYTES > end) return false;
  const first = frame.getUint8(start);
  const headerBytes = (first & 0xf) * 4;
  const totalBytes = frame.getUint16(start + 2);
  if (first >>> 4 !== 4 || headerBytes < IPV4_BYTES || totalBytes < headerBytes) return false;
  // In a later fragment, payload of the sender's choice stands in the place of the ports (RFC
  // 1858).
  if ((frame.getUint16(start + 6) & IPV4_FRAGMENT_OFFSET) !== 0) return false;

  knock.family = 4;
  knock.s0 = frame.getUint32(start + 12);
  knock.s1 = 0;
  knock.s2 = 0;
  knock.s3 = 0;
  knock.d0 = frame.getUint32(start + 16);
  knock.d1 = 0;
  knock.d2 = 0;
  knock.d3 = 0;
  const packetEnd = Math.min(end, start + totalBytes);
  return decodeTransport(frame, frame.getUint8(start + 9), start + headerBytes, packetEnd, knock);
}

/** Reads an IPv6 packet in `[start, end)`, through its extension headers. Jumbograms are unknown. */
export function decodeIpv6(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + IPV6_BYTES > end || frame.getUint8(start) >>> 4 !== 6) return false;
  const packetEnd = Math.min(end, start + IPV6_BYTES + frame.getUint16(start + 4));

  knock.family = 6;
  knock.s0 = frame.getUint32(start + 8);
  knock.s1 = frame.getUint32(start + 12);
  knock.s2 = frame.getUint32(start + 16);
  knock.s3 = frame.getUint32(start + 20);
  knock.d0 = frame.getUint32(start + 24);
  knock.d1 = frame.getUint32(start + 28);
  knock.d2 = frame.getUint32(start + 32);
  knock.d3 = frame.getUint32(start + 36);

  let header = frame.getUint8(start + 6);
  let at = start + IPV6_BYTES;
  for (let extensions = 0; extensions < MOST_EXTENSIONS; extensions++) {
    const bytes = extensionBytes(frame, header, at, packetEnd, extensions === 0);
    if (bytes === 0) break;
    header = frame.getUint8(at);
    at += bytes;
  }
  return decodeTransport(frame, header, at, packetEnd, knock);
}

/**
 * The length of the extension header of type `header` at `at`. 0 for another header, for one that
 * does not fit, and for one that rules out a TCP or UDP header for this machine behind it.
 */
function extensionBytes(
  frame: DataView,
  header: number,
  at: number,
  end: number,
  isFirst: boolean,
): number {
  if (at + EXTENSION_BYTES > end) return 0;
  switch (header) {
    case HOP_BY_HOP:
      // Anywhere else the kernel refuses it (RFC 8200 §4.1).
      return isFirst ? (frame.getUint8(at + 1) + 1) * 8 : 0;
    case DESTINATION:
      return (frame.getUint8(at + 1) + 1) * 8;
    case ROUTING:
      // With segments left, the destination in the IPv6 header is only a stop on the way.
      return frame.getUint8(at + 3) === 0 ? (frame.getUint8(at + 1) + 1) * 8 : 0;
    case FRAGMENT:
      return (frame.getUint16(at + 2) & IPV6_FRAGMENT_OFFSET) === 0 ? EXTENSION_BYTES : 0;
    case AUTHENTICATION:
      return (frame.getUint8(at + 1) + 2) * 4;
    default:
      return 0;
  }
}
