/** The clock that an emulated amd64 processor goes by. */

import { existsSync, readFileSync } from "node:fs";

const CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/**
 * Words for the kernel of the machine. It reads our processor's counter. Told the pace, it trusts it; one that measures it
 * against a timer while this computer is busy finds another pace, and its clock runs fast or slow. Only where we are a
 * guest ourselves is the pace known. Elsewhere the machine reads a timer, and each look at it is a call into the emulator.
 */
export function counterWords(): string {
  const guest = existsSync(CLOCK) && readFileSync(CLOCK, "utf8").trim() === "kvm-clock";
  const mhz = /^cpu MHz\s*: (\d+)\.(\d{3})$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
  if (!guest || mhz === null) return "clocksource=hpet";
  return `tsc=reliable tsc_early_khz=${Number(mhz[1]) * 1_000 + Number(mhz[2])}`;
}
