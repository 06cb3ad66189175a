/**
 * The wall clock with microseconds, for comparison with the kernel's packet times; Date.now() has
 * whole milliseconds.
 */

import type { Clock } from "../core/clock.ts";
import { libc } from "./libc.ts";

/** time.h */
const CLOCK_REALTIME = 0;

/** A clock for one thread, since it reuses one buffer. */
export function preciseClock(): Clock {
  const timespec = new BigInt64Array(2); // struct timespec { time_t tv_sec; long tv_nsec; }
  const words = new Int32Array(timespec.buffer); // both targets are little-endian
  return {
    wallMs: () => {
      libc().clock_gettime(CLOCK_REALTIME, timespec);
      // Two words of seconds, unsigned low word first, without a bigint on the way.
      const seconds = words[1]! * 2 ** 32 + (words[0]! >>> 0);
      return seconds * 1_000 + words[2]! / 1_000_000;
    },
    monotonicMs: () => performance.now(),
  };
}
