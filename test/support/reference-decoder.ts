/**
 * The right result of `decodeFrame`, written to be read and not to be fast: every layer cuts its
 * header off the bytes and hands on the rest, and any missing part ends in "unknown".
 */

import { addressFromBytes, formatAddress } from "../../src/core/address.ts";
import { LinkType } from "../../src/core/link-type.ts";

/** `undefined` is "unknown". */
export type Expected =
  | {
      readonly source: string;
      readonly destination: string;
      readonly proto: number;
      readonly port: number;
    }
  | undefined;

const RAW: ReadonlySet<number> = new Set([LinkType.raw, LinkType.rawOpenBsd, LinkType.rawFile]);
const VLAN: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);
const BSD_FAMILY_4 = 2;
const BSD_FAMILIES_6: ReadonlySet<number> = new Set([10, 24, 28, 30]);

function number16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

export function referenceDecode(linkType: LinkType, frame: Uint8Array): Expected {
  if (linkType === LinkType.ethernet && frame.length >= 14) {
    return etherType(number16(frame, 12), frame.subarray(14), 4);
  }
  if (linkType === LinkType.cooked1 && frame.length >= 16) {
    const packetType = number16(frame, 0);
    if (packetType === 3 || packetType === 4) return undefined;
    return etherType(number16(frame, 14), frame.subarray(16), 4);
  }
  if (linkType === LinkType.cooked2 && frame.length >= 20) {
    if (frame[10] === 3 || frame[10] === 4) return undefined;
    return etherType(number16(frame, 0), frame.subarray(20), 4);
  }
  if (linkType === LinkType.null || linkType === LinkType.loop) {
    if (frame.length < 4) return undefined;
    const [a, b, c, d] = frame as unknown as [number, number, number, number];
    const family = a === 0 && b === 0 ? c * 256 + d : c === 0 && d === 0 ? b * 256 + a : -1;
    if (family === BSD_FAMILY_4) return packet4(frame.subarray(4));
    return BSD_FAMILIES_6.has(family) ? packet6(frame.subarray(4)) : undefined;
  }
  if (linkType === LinkType.ppp)
    return startsWith(frame, 0xff, 3) ? ppp(frame.subarray(2)) : ppp(frame);
  if (linkType === LinkType.pppSerial) {
    return startsWith(frame, 0xff, 3) ? ppp(frame.subarray(2)) : ciscoHdlc(frame);
  }
  if (linkType === LinkType.ciscoHdlc) return ciscoHdlc(frame);
  if (linkType === LinkType.pppoe) return pppoe(frame);
  if (linkType === LinkType.ipv4) return packet4(frame);
  if (linkType === LinkType.ipv6) return packet6(frame);
  if (RAW.has(linkType)) return packet4(frame) ?? packet6(frame);
  return undefined;
}

function startsWith(bytes: Uint8Array, first: number, second: number): boolean {
  return bytes.length >= 2 && bytes[0] === first && bytes[1] === second;
}

function ppp(bytes: Uint8Array): Expected {
  if (bytes.length < 2) return undefined;
  if (bytes[0] === 0x21) return packet4(bytes.subarray(1));
  if (bytes[0] === 0x57) return packet6(bytes.subarray(1));
  if (startsWith(bytes, 0, 0x21)) return packet4(bytes.subarray(2));
  return startsWith(bytes, 0, 0x57) ? packet6(bytes.subarray(2)) : undefined;
}

function ciscoHdlc(bytes: Uint8Array): Expected {
  if (!startsWith(bytes, 0x0f, 0) && !startsWith(bytes, 0x8f, 0)) return undefined;
  return bytes.length < 4 ? undefined : etherType(number16(bytes, 2), bytes.subarray(4), -1);
}

function pppoe(bytes: Uint8Array): Expected {
  if (bytes.length < 6 || !startsWith(bytes, 0x11, 0)) return undefined;
  return ppp(bytes.subarray(6).subarray(0, number16(bytes, 4)));
}

/** `tagsLeft` below zero: in Cisco HDLC, which has neither tags nor PPPoE sessions. */
function etherType(type: number, rest: Uint8Array, tagsLeft: number): Expected {
  if (type === 0x0800) return packet4(rest);
  if (type === 0x86dd) return packet6(rest);
  if (type === 0x8864 && tagsLeft >= 0) return pppoe(rest);
  if (!VLAN.has(type) || tagsLeft <= 0 || rest.length < 4) return undefined;
  return etherType(number16(rest, 2), rest.subarray(4), tagsLeft - 1);
}

function packet4(bytes: Uint8Array): Expected {
  if (bytes.length < 20 || bytes[0]! >> 4 !== 4) return undefined;
  const headerBytes = (bytes[0]! % 16) * 4;
  const totalBytes = number16(bytes, 2);
  const fragmentOffset = number16(bytes, 6) % 8192;
  if (headerBytes < 20 || totalBytes < headerBytes || fragmentOffset !== 0) return undefined;
  const rest = bytes.subarray(0, totalBytes).subarray(headerBytes);
  return transport(bytes[9]!, rest, bytes.subarray(12, 16), bytes.subarray(16, 20));
}

function packet6(bytes: Uint8Array): Expected {
  if (bytes.length < 40 || bytes[0]! >> 4 !== 6) return undefined;
  const source = bytes.subarray(8, 24);
  const destination = bytes.subarray(24, 40);
  let header = bytes[6]!;
  let rest = bytes.subarray(40, 40 + number16(bytes, 4));
  for (let i = 0; i < 8 && [0, 43, 44, 51, 60].includes(header); i++) {
    if (rest.length < 8) return undefined;
    if (header === 0 && i > 0) return undefined;
    if (header === 43 && rest[3] !== 0) return undefined;
    if (header === 44 && number16(rest, 2) >> 3 !== 0) return undefined;
    const units = rest[1]!;
    const bytesHere = header === 44 ? 8 : header === 51 ? (units + 2) * 4 : (units + 1) * 8;
    header = rest[0]!;
    rest = rest.subarray(bytesHere);
  }
  return transport(header, rest, source, destination);
}

function transport(
  proto: number,
  rest: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
): Expected {
  const isSyn = proto === 6 && rest.length >= 20 && rest[12]! >> 4 >= 5 && (rest[13]! & 0x17) === 2;
  const isDatagram = proto === 17 && rest.length >= 8 && number16(rest, 4) >= 8;
  if (!isSyn && !isDatagram) return undefined;
  return {
    source: formatAddress(addressFromBytes(source)),
    destination: formatAddress(addressFromBytes(destination)),
    proto,
    port: number16(rest, 2),
  };
}
