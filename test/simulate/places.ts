/** How the kernel names its sets of grants, and in them an address at a port. */

import { type Address, maskAddress } from "../../src/core/address.ts";
import { writeKey } from "../../src/firewall/element-key.ts";

/** The hexadecimal key of an element. */
export function keyText(address: Address, port: number, proto: "tcp" | "udp" = "tcp"): string {
  const view = new DataView(new ArrayBuffer(28));
  return new Uint8Array(view.buffer, 0, writeKey(view, address, proto, port)).toHex();
}

/** What elements may hold for a packet of this address: itself, and the /64 around it. */
export function placesOf(address: Address): readonly Address[] {
  return address.family === 6 ? [address, maskAddress(address, 64)] : [address];
}

/** Sets whose elements open a door. */
export function isGrantSet(name: string): boolean {
  return /^(?:grants|fixed|one|idle)[46]/.test(name);
}
