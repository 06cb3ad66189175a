/** The name of this boot, and when it began. */

import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { systemClock } from "../core/clock.ts";

/** A random name for every boot of the kernel. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/**
 * When this boot began by the present wall clock, in Unix milliseconds, to a second: another time after that
 * was set.
 */
export function readBootedMs(): number {
  return systemClock.wallMs() - uptime() * 1_000;
}
