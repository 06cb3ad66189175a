/** TCP and UDP headers: whether they are a knock, and on which port. */

import type { Knock } from "../core/knock.ts";
import { PROTO_NUMBER } from "../core/port.ts";

/** RFC 9293 §3.1 */
const TCP_BYTES = 20;
const TCP_LEAST_OFFSET = 5;
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/** RFC 768 */
const UDP_BYTES = 8;

/**
 * Reads a header of IP protocol `proto` in `[start, end)`; false when it is not a knock or does not
 * fit.
 */
export function decodeTransport(
  frame: DataView,
  proto: number,
  start: number,
  end: number,
  knock: Knock,
): boolean {
  if (proto === PROTO_NUMBER.tcp) {
    if (start + TCP_BYTES > end) return false;
    if (frame.getUint8(start + 12) >>> 4 < TCP_LEAST_OFFSET) return false;
    if ((frame.getUint8(start + 13) & (FIN | SYN | RST | ACK)) !== SYN) return false;
  } else if (proto === PROTO_NUMBER.udp) {
    if (start + UDP_BYTES > end || frame.getUint16(start + 4) < UDP_BYTES) return false;
  } else {
    return false;
  }
  knock.proto = proto;
  knock.port = frame.getUint16(start + 2);
  return true;
}
