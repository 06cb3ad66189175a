/** The name of this boot. */

import { readFileSync } from "node:fs";

/** A random name for every boot of the kernel. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
