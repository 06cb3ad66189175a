/** Whether one network lies within another. */

import { maskAddress, sameAddress } from "../core/address.ts";
import type { Prefix } from "../core/address.ts";

/** True for equal networks too; never across families. */
export function prefixInside(inner: Prefix, outer: Prefix): boolean {
  return (
    inner.bits >= outer.bits && sameAddress(maskAddress(inner.address, outer.bits), outer.address)
  );
}
