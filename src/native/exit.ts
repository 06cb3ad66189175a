/** The end of the process, from any of its threads, without running anything first. */

import { libcCalls } from "./libc-calls.ts";

/** _exit(2): never returns. */
export function exitAtOnce(code: number): void {
  libcCalls()["_exit"](code);
}

/**
 * The kernel ends the process after `seconds` (SIGALRM), whatever its threads are waiting for; each
 * call replaces the one before.
 */
export function exitIn(seconds: number): void {
  libcCalls().alarm(seconds);
}
