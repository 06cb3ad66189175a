/** Keys of the sets by address, protocol and port, in the kernel's layout. */

import type { Address, Family } from "../core/address.ts";
import { addressFromBytes, maskAddress } from "../core/address.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { Port, PortRange, Proto } from "../core/port.ts";

/** address (4 or 16), protocol (1, padded to 4), port (2 in network order, padded to 4) */
export function keyLength(family: Family): number {
  return (family === 4 ? 4 : 16) + 4 + 4;
}

/**
 * The address under which a grant is entered: the first one of a /64, which the masked look-up
 * yields.
 */
export function grantedAddress(address: Address, prefix6: 64 | 128): Address {
  return address.family === 6 && prefix6 === 64 ? maskAddress(address, 64) : address;
}

/** Whether the address stands for its whole /64 in the sets: its interface identifier is zero. */
export function namesWhole64({ family, a2, a3 }: Address): boolean {
  return family === 6 && a2 === 0 && a3 === 0;
}

/** Writes the key of `port` at the beginning of `view` (24 bytes or more). Returns its length. */
export function writeKey(view: DataView, address: Address, proto: Proto, port: number): number {
  view.setUint32(0, address.a0);
  let at = 4;
  if (address.family === 6) {
    view.setUint32(4, address.a1);
    view.setUint32(8, address.a2);
    view.setUint32(12, address.a3);
    at = 16;
  }
  view.setUint32(at, PROTO_NUMBER[proto] << 24);
  view.setUint32(at + 4, port << 16);
  return at + 8;
}

/** The same followed by a mark (28 bytes or more). */
export function writeMarkedKey(
  view: DataView,
  address: Address,
  proto: Proto,
  port: number,
  mark: number,
): number {
  const length = writeKey(view, address, proto, port);
  view.setUint32(length, mark);
  return length + 4;
}

/** Reads a key of `writeKey`; undefined where its protocol or length is not one of ours. */
export function readKey(
  view: DataView,
  at: number,
  length: number,
): { readonly address: Address; readonly port: Port } | undefined {
  const size = length - 8;
  if (size !== 4 && size !== 16) return undefined;
  const number = view.getUint8(at + size);
  if (number !== PROTO_NUMBER.tcp && number !== PROTO_NUMBER.udp) return undefined;
  const address = addressFromBytes(new Uint8Array(view.buffer, view.byteOffset + at, size));
  const proto = number === PROTO_NUMBER.tcp ? "tcp" : "udp";
  return { address, port: { proto, port: view.getUint16(at + size + 4) } };
}

/** Every single port of the ranges, each once: the packet path cannot change sets with intervals. */
export function singlePorts(ranges: readonly PortRange[]): Port[] {
  if (ranges.length === 1 && ranges[0]!.from === ranges[0]!.to) {
    return [{ proto: ranges[0]!.proto, port: ranges[0]!.from }];
  }
  const ports = new Map<number, Port>();
  for (const { proto, from, to } of ranges) {
    for (let port = from; port <= to; port++)
      ports.set(PROTO_NUMBER[proto] * 65_536 + port, { proto, port });
  }
  return [...ports.values()];
}

export function isIn({ proto, port }: Port, range: PortRange): boolean {
  return range.proto === proto && range.from <= port && port <= range.to;
}
