/** Builds packets and frames byte by byte, with right lengths and checksums, for tests and floods. */

import { addressBytes, parseAddress } from "../../src/core/address.ts";
import { LinkType } from "../../src/core/link-type.ts";

export const TcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

function u16(value: number): [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

function words(address: string): Uint8Array {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new TypeError(`Not an address: ${address}`);
  return addressBytes(parsed);
}

/** RFC 1071 */
function checksum(...parts: readonly Uint8Array[]): number {
  const all = concat(...parts);
  let sum = 0;
  for (let i = 0; i < all.length; i += 2) sum += (all[i]! << 8) | (all[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface Segment {
  readonly proto: number;
  readonly bytes: Uint8Array;
  /** The place of the checksum; set when the addresses are known. */
  readonly checksumAt?: number;
}

/** A TCP segment; `options` is a multiple of 4 bytes. */
export function tcp(
  port: number,
  flags: number = TcpFlags.syn,
  extra: { sourcePort?: number; options?: Uint8Array; payload?: Uint8Array } = {},
): Segment {
  const options = extra.options ?? new Uint8Array(0);
  const header = concat(
    bytes(...u16(extra.sourcePort ?? 40_000), ...u16(port)),
    bytes(0, 0, 0, 1), // sequence number
    bytes(0, 0, 0, 0), // acknowledgement
    bytes(((20 + options.length) / 4) << 4, flags, ...u16(64_240)), // and the window
    bytes(0, 0, 0, 0), // checksum, urgent pointer
  );
  const segment = concat(header, options, extra.payload ?? new Uint8Array(0));
  return { proto: 6, bytes: segment, checksumAt: 16 };
}

export function udp(
  port: number,
  extra: { sourcePort?: number; payload?: Uint8Array } = {},
): Segment {
  const payload = extra.payload ?? new Uint8Array(0);
  const header = concat(
    bytes(...u16(extra.sourcePort ?? 40_000), ...u16(port)),
    bytes(...u16(8 + payload.length), 0, 0),
  );
  return { proto: 17, bytes: concat(header, payload), checksumAt: 6 };
}

function summed(segment: Segment, pseudo: Uint8Array): Uint8Array {
  if (segment.checksumAt === undefined) return segment.bytes;
  const whole = segment.bytes.slice();
  whole.set(u16(checksum(pseudo, whole) || 0xffff), segment.checksumAt);
  return whole;
}

/** An IPv4 packet; `fragment` in units of 8 bytes, `options` a multiple of 4 bytes. */
export function ipv4(
  source: string,
  destination: string,
  segment: Segment,
  extra: { options?: Uint8Array; fragment?: number; more?: boolean } = {},
): Uint8Array {
  const options = extra.options ?? new Uint8Array(0);
  const addresses = concat(words(source), words(destination));
  const pseudo = concat(addresses, bytes(0, segment.proto, ...u16(segment.bytes.length)));
  const header = concat(
    bytes(0x40 | (5 + options.length / 4), 0, ...u16(20 + options.length + segment.bytes.length)),
    bytes(0, 1, ...u16((extra.more === true ? 0x2000 : 0) | (extra.fragment ?? 0))),
    bytes(64, segment.proto, 0, 0),
    addresses,
    options,
  );
  header.set(u16(checksum(header)), 10);
  return concat(header, summed(segment, pseudo));
}

/** An IPv6 extension header: its protocol number and its bytes, the first of which is overwritten. */
export interface Extension {
  readonly header: number;
  readonly bytes: Uint8Array;
}

/** Hop-by-hop (0), routing (43) or destination (60) options of `units` × 8 bytes. */
export function options6(header: 0 | 43 | 60, units = 1, segmentsLeft = 0): Extension {
  const content = new Uint8Array(units * 8);
  content.set([0, units - 1, 1, header === 43 ? segmentsLeft : units * 8 - 4]); // PadN, or routing
  return { header, bytes: content };
}

export function fragment6(offset: number, more: boolean): Extension {
  return { header: 44, bytes: bytes(0, 0, ...u16((offset << 3) | (more ? 1 : 0)), 0, 0, 0, 1) };
}

/** An authentication header of `units` × 4 bytes, 3 at least. */
export function authentication(units = 6): Extension {
  const content = new Uint8Array(units * 4);
  content[1] = units - 2;
  return { header: 51, bytes: content };
}

export function ipv6(
  source: string,
  destination: string,
  segment: Segment,
  extensions: readonly Extension[] = [],
): Uint8Array {
  const addresses = concat(words(source), words(destination));
  const pseudo = concat(
    addresses,
    bytes(0, 0, ...u16(segment.bytes.length), 0, 0, 0, segment.proto),
  );
  const chain = extensions.map((extension, i) => {
    const content = extension.bytes.slice();
    content[0] = extensions[i + 1]?.header ?? segment.proto;
    return content;
  });
  const payload = concat(...chain, summed(segment, pseudo));
  const first = extensions[0]?.header ?? segment.proto;
  return concat(bytes(0x60, 0, 0, 0, ...u16(payload.length), first, 64), addresses, payload);
}

/** RFC 1661: the protocol field, one byte of it where that is agreed upon, and the packet. */
function ppp(packet: Uint8Array, short = false): Uint8Array {
  const protocol = packet[0]! >>> 4 === 6 ? 0x57 : 0x21;
  return concat(short ? bytes(protocol) : bytes(0, protocol), packet);
}

/** RFC 2516: a session's header before PPP. */
function pppoe(packet: Uint8Array, short?: boolean): Uint8Array {
  const payload = ppp(packet, short);
  return concat(bytes(0x11, 0, 0, 7, ...u16(payload.length)), payload);
}

function etherType(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 6 ? 0x86dd : 0x0800;
}

/** VLAN tags from the outside in: the EtherType that announces each; identifiers count from 7. */
function tagged(packet: Uint8Array, wrapping: Wrapping): { type: number; rest: Uint8Array } {
  const { tags = [], session = false } = wrapping;
  const types = [...tags, session ? 0x8864 : etherType(packet)];
  const body = tags.flatMap((_, i) => [...u16(7 + i), ...u16(types[i + 1]!)]);
  const inner = session ? pppoe(packet, wrapping.shortProtocol) : packet;
  return { type: types[0]!, rest: concat(bytes(...body), inner) };
}

export interface Wrapping {
  /** EtherTypes of VLAN tags, outermost first. */
  readonly tags?: readonly number[];
  /** PACKET_HOST (0), _OTHERHOST (3), _OUTGOING (4) of cooked captures. */
  readonly packetType?: number;
  /** Ethernet destination; the all-ones address where it does not matter. */
  readonly destination?: Uint8Array;
  /** Address family of BSD loopback, in the low byte. */
  readonly bsdFamily?: number;
  /** Little-endian family in DLT_NULL. */
  readonly littleEndian?: boolean;
  /** Within a session of PPPoE, where there is an EtherType. */
  readonly session?: boolean;
  /** The protocol field of PPP in one byte. */
  readonly shortProtocol?: boolean;
  /** The bytes before PPP; for Cisco HDLC, its address. Default: address and control. */
  readonly framing?: "hdlc" | "none" | "unicast" | "broadcast";
}

const MAC = bytes(2, 0, 0, 0, 0, 1);

/** Puts the header of `linkType` before an IP packet. */
export function frame(linkType: LinkType, packet: Uint8Array, wrapping: Wrapping = {}): Uint8Array {
  const { type, rest } = tagged(packet, wrapping);
  const packetType = wrapping.packetType ?? 0;
  switch (linkType) {
    case LinkType.ethernet: {
      const destination = wrapping.destination ?? new Uint8Array(6).fill(0xff);
      return concat(destination, MAC, bytes(...u16(type)), rest);
    }
    case LinkType.cooked1:
      return concat(bytes(0, packetType, 0, 1, 0, 6), MAC, bytes(0, 0, ...u16(type)), rest);
    case LinkType.cooked2:
      return concat(
        bytes(...u16(type), 0, 0, 0, 0, 0, 2, 0, 1, packetType, 6),
        concat(MAC, bytes(0, 0)),
        rest,
      );
    case LinkType.null:
    case LinkType.loop: {
      const family = wrapping.bsdFamily ?? (packet[0]! >>> 4 === 6 ? 30 : 2);
      const little = linkType === LinkType.null && wrapping.littleEndian !== false;
      return concat(little ? bytes(family, 0, 0, 0) : bytes(0, 0, 0, family), packet);
    }
    case LinkType.ppp:
    case LinkType.pppSerial:
    case LinkType.ciscoHdlc:
      return serial(linkType, packet, wrapping);
    case LinkType.pppoe:
      return pppoe(packet, wrapping.shortProtocol);
    default:
      return packet;
  }
}

function serial(linkType: LinkType, packet: Uint8Array, wrapping: Wrapping): Uint8Array {
  const isCisco = linkType === LinkType.ciscoHdlc;
  const { framing = isCisco ? "unicast" : "hdlc", shortProtocol } = wrapping;
  if (framing === "unicast" || framing === "broadcast") {
    const address = framing === "unicast" ? 0x0f : 0x8f;
    return concat(bytes(address, 0, ...u16(etherType(packet))), packet);
  }
  const before = framing === "hdlc" ? bytes(0xff, 3) : bytes();
  return concat(before, ppp(packet, shortProtocol));
}
