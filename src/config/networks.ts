/** Networks: which contain others, which are private, and which are too wide to be meant. */

import { maskAddress, parsePrefix, sameAddress } from "../core/address.ts";
import type { Prefix } from "../core/address.ts";

/** Whether `inner` is within `outer` or equal to it; never across families. */
function isInside(inner: Prefix, outer: Prefix): boolean {
  return (
    inner.bits >= outer.bits && sameAddress(maskAddress(inner.address, outer.bits), outer.address)
  );
}

/** RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6, and loopback. */
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
  "127.0.0.0/8",
  "::1",
].map((text) => parsePrefix(text)!);

/** Whether nobody on the public Internet has an address in `prefix`. */
export function isPrivate(prefix: Prefix): boolean {
  return PRIVATE.some((outer) => isInside(prefix, outer));
}

/** Nobody owns more than a /8 of IPv4 or a /16 of IPv6. */
const WIDEST = { 4: 8, 6: 16 } as const;

/** Whether a public network is wider than any owner's: such a slip lets strangers in. */
export function isTooWide(prefix: Prefix): boolean {
  return prefix.bits < WIDEST[prefix.address.family] && !isPrivate(prefix);
}
