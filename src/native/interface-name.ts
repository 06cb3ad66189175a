/** Whether the name of an interface means one now, as the kernel looks it up for a capture. */

import { Errno } from "./errno.ts";
import { cString, errno, libc } from "./libc.ts";

/**
 * In the network namespace of the calling thread; alternative names (`ip link property add`) count. True as well where
 * the kernel does not say.
 */
export function hasInterface(name: string): boolean {
  const text = cString(name);
  const index = libc().if_nametoindex(text);
  // Older versions of musl return −1 in place of 0.
  if (index > 0 && index <= 0x7fff_ffff) return true;
  return errno() !== Errno.ENODEV;
}
