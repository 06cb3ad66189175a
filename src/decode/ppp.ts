/**
 * PPP and Cisco HDLC: the headers before an IP packet on serial lines, and on DSL inside Ethernet.
 */

import type { Knock } from "../core/knock.ts";
import { decodeIpv4, decodeIpv6 } from "./ip.ts";

/** RFC 1662: all stations, unnumbered information */
const HDLC_ADDRESS_CONTROL = 0xff03;

/** RFC 1547, 4.3.1: unicast and broadcast, each with a control field of 0 */
const CISCO_UNICAST = 0x0f00;
const CISCO_BROADCAST = 0x8f00;

/** linux/if_ether.h; Cisco HDLC uses it too */
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

/** linux/ppp_defs.h */
const PPP_IP = 0x21;
const PPP_IPV6 = 0x57;

/** RFC 2516: version and type, then code 0 in a session; session and length follow */
const PPPOE_SESSION = 0x1100;
const PPPOE_BYTES = 6;

const FRAMING_BYTES = 2;
const CISCO_BYTES = 4;

/** PPP, with or without address and control before it. */
export function decodePpp(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + FRAMING_BYTES > end) return false;
  const isFramed = frame.getUint16(start) === HDLC_ADDRESS_CONTROL;
  return decodeProtocol(frame, isFramed ? start + FRAMING_BYTES : start, end, knock);
}

/** PPP with address and control, or Cisco HDLC: the first byte tells. */
export function decodeSerial(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + FRAMING_BYTES > end) return false;
  return frame.getUint16(start) === HDLC_ADDRESS_CONTROL
    ? decodeProtocol(frame, start + FRAMING_BYTES, end, knock)
    : decodeCiscoHdlc(frame, start, end, knock);
}

export function decodeCiscoHdlc(
  frame: DataView,
  start: number,
  end: number,
  knock: Knock,
): boolean {
  if (start + CISCO_BYTES > end) return false;
  const addressed = frame.getUint16(start);
  if (addressed !== CISCO_UNICAST && addressed !== CISCO_BROADCAST) return false;
  const type = frame.getUint16(start + 2);
  if (type === ETH_P_IP) return decodeIpv4(frame, start + CISCO_BYTES, end, knock);
  return type === ETH_P_IPV6 && decodeIpv6(frame, start + CISCO_BYTES, end, knock);
}

/**
 * The bytes behind the Ethernet type of a PPPoE session. Its payload ends where the header says.
 */
export function decodePppoe(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + PPPOE_BYTES > end || frame.getUint16(start) !== PPPOE_SESSION) return false;
  const payload = start + PPPOE_BYTES;
  return decodeProtocol(frame, payload, Math.min(end, payload + frame.getUint16(start + 4)), knock);
}

/** The protocol field has one byte where that byte is odd, two bytes otherwise (RFC 1661, 2). */
function decodeProtocol(frame: DataView, start: number, end: number, knock: Knock): boolean {
  if (start + 2 > end) return false;
  const first = frame.getUint8(start);
  const isShort = (first & 1) !== 0;
  const protocol = isShort ? first : frame.getUint16(start);
  const packet = start + (isShort ? 1 : 2);
  if (protocol === PPP_IP) return decodeIpv4(frame, packet, end, knock);
  return protocol === PPP_IPV6 && decodeIpv6(frame, packet, end, knock);
}
