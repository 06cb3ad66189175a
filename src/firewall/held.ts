/** The addresses and ports that somebody holds, as two questions. */

import type { Address } from "../core/address.ts";
import { maskAddress, sameAddress } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { isIn } from "./element-key.ts";
import type { Held } from "./firewall.ts";

export interface HeldPlace {
  /** Whether a session between the peer and this port of ours belongs to the holder. */
  readonly covers: (peer: Address, port: Port) => boolean;
  /** Whether the holder has this port for the address or its /64, or for a part of it. */
  readonly overlaps: (address: Address, prefix6: 64 | 128, port: Port) => boolean;
}

export function heldPlaces(held: readonly Held[]): HeldPlace[] {
  return held.map(({ address, prefix6, ports }) => {
    const bits = (wanted: 64 | 128) => (address.family === 4 ? 32 : wanted);
    const same = (other: Address, width: number) =>
      other.family === address.family &&
      sameAddress(maskAddress(other, width), maskAddress(address, width));
    const opens = (port: Port) => ports.some((range) => isIn(port, range));
    return {
      covers: (peer: Address, port: Port) => opens(port) && same(peer, bits(prefix6)),
      overlaps: (other: Address, otherPrefix6: 64 | 128, port: Port) =>
        opens(port) && same(other, Math.min(bits(prefix6), bits(otherPrefix6))),
    };
  });
}
