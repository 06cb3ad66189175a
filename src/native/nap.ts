/** Short sleeps of the calling thread; `poll` only knows whole milliseconds. */

import { libc } from "./libc.ts";

/** Sleeps for about `ms`, and some hundredths of a millisecond more; a signal may end it early. */
export function nap(ms: number): void {
  libc().usleep(Math.round(ms * 1_000));
}
