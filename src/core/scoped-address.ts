/** Link-local IPv6 addresses with the interface they are valid on: "fe80::1%eth0" (RFC 4007). */

import { type Address, parseAddress } from "./address.ts";

/** fe80::/10 */
const LINK_LOCAL = 0xfe80_0000;
const LINK_LOCAL_MASK = 0xffc0_0000;

/** The name of an interface, or its number, as Linux accepts it; macOS and Windows accept less. */
const ZONE = /^[^\s/:%\p{Cc}]{1,15}$/u;

export interface ScopedAddress {
  readonly address: Address;
  /** The name or number of an interface of the computer that uses the address. */
  readonly zone: string;
}

/** Whether an address means nothing without an interface. */
export function isLinkLocal({ family, a0 }: Address): boolean {
  return family === 6 && (a0 & LINK_LOCAL_MASK) >>> 0 === LINK_LOCAL;
}

/** Whether `text` is a link-local IPv6 address without its interface. */
export function lacksZone(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && isLinkLocal(address);
}

/**
 * Reads "fe80::1%eth0"; undefined for any other text, and for an address that needs no zone but has
 * one.
 */
export function parseScoped(text: string): ScopedAddress | undefined {
  const at = text.indexOf("%");
  if (at < 0) return undefined;
  const address = parseAddress(text.slice(0, at));
  const zone = text.slice(at + 1);
  if (address === undefined || !isLinkLocal(address) || !ZONE.test(zone)) return undefined;
  return { address, zone };
}
