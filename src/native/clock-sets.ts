/**
 * Notices at once that somebody set the wall clock: the kernel reports it, so that nobody has to
 * compare clocks.
 */

import { Errno } from "./errno.ts";
import { libcCalls } from "./libc-calls.ts";
import { errno, failure, libc } from "./libc.ts";

/** linux/time.h */
const CLOCK_REALTIME = 0;
/** sys/timerfd.h */
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;
const TFD_TIMER_ABSTIME = 1 << 0;
const TFD_TIMER_CANCEL_ON_SET = 1 << 1;
/** `struct itimerspec { struct timespec it_interval, it_value; }`, four 64-bit words; seconds of the value. */
const ITIMERSPEC_WORDS = 4;
const VALUE_SECONDS = 2;
/** The year 2242: the timer exists to be cancelled, not to end. */
const FAR_SECONDS = 1n << 33n;
const TICKS_BYTES = 8;

/**
 * A timer on the wall clock that never ends. Close it once, when no thread waits on it any more.
 */
export class ClockSets {
  /** Becomes readable when the clock was set, for poll(2): call `drain` then. */
  readonly fd: number;
  readonly #ticks = new BigUint64Array(1);

  /** Throws OpError when no descriptor is left. */
  constructor() {
    const calls = libcCalls();
    this.fd = calls.timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (this.fd < 0) throw cannotWatch();
    const until = new BigInt64Array(ITIMERSPEC_WORDS);
    until[VALUE_SECONDS] = FAR_SECONDS;
    const flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (calls.timerfd_settime(this.fd, flags, until, null) === 0) return;
    const error = cannotWatch();
    this.close();
    throw error;
  }

  /**
   * Returns whether the clock was set since the last call, also by the end of a suspend. Slewing
   * and leap seconds do not count. Never blocks.
   */
  drain(): boolean {
    if (libc().read(this.fd, this.#ticks, TICKS_BYTES) === TICKS_BYTES) return true;
    return errno() === Errno.ECANCELED;
  }

  close(): void {
    libc().close(this.fd);
  }
}

function cannotWatch() {
  return failure(errno(), {
    operation: "watch",
    object: "the wall clock",
    remedy: "raise the limit of open files (ulimit -n)",
  });
}
