/**
 * Whether a time service keeps this machine's clock right: the kernel's own account (adjtimex(2)).
 */

import { libcCalls } from "./libc-calls.ts";
import { errno, failure } from "./libc.ts";

/** linux/timex.h: STA_UNSYNC */
const STA_UNSYNC = 0x40;
/** `struct timex` on 64-bit machines: modes (u32, padded), offset, freq, maxerror, esterror, status … */
const TIMEX_BYTES = 208;
const MAXERROR_AT = 24;
const STATUS_AT = 40;

export interface ClockStatus {
  readonly synchronised: boolean;
  /**
   * The kernel's bound of the error, in milliseconds; it grows by 0.5 ms a second while nobody
   * corrects the clock.
   */
  readonly maxErrorMs: number;
}

/** Needs no privilege and sets nothing. Throws OpError where the call is forbidden (a sandbox). */
export function clockStatus(): ClockStatus {
  // All zero: modes = 0 only reads.
  const timex = new DataView(new ArrayBuffer(TIMEX_BYTES));
  if (libcCalls().adjtimex(new Uint8Array(timex.buffer)) < 0) {
    throw failure(errno(), {
      operation: "ask the kernel about",
      object: "the clock",
      remedy: "run outside a sandbox that forbids adjtimex",
    });
  }
  return {
    synchronised: (timex.getInt32(STATUS_AT, true) & STA_UNSYNC) === 0,
    maxErrorMs: Number(timex.getBigInt64(MAXERROR_AT, true)) / 1_000,
  };
}
