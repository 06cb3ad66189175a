/** The limit of files and sockets that this process may have open. */

import { closeSync, openSync } from "node:fs";
import { libcCalls } from "./libc-calls.ts";

/** asm-generic/resource.h */
const RLIMIT_NOFILE = 7;

/** sys/select.h: FD_SETSIZE */
const SELECTABLE = 1_024n;

/**
 * Keeps every descriptor below FD_SETSIZE. libnftables waits with select(2), and the C library ends
 * a process that does so with a higher one: an attacker with a thousand connections to the health
 * listener could end the daemon. With the limit, the connections beyond it are refused instead.
 */
export function keepDescriptorsSelectable(): void {
  // struct rlimit { rlim_t rlim_cur, rlim_max; }
  libcCalls().setrlimit(RLIMIT_NOFILE, new BigUint64Array([SELECTABLE, SELECTABLE]));
}

/** Whether the calling process could open so many files or sockets now. */
export function hasFreeDescriptors(count: number): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync("/dev/null", "r"));
    return true;
  } catch {
    return false;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
