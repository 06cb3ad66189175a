/** Which threads of this process get a processor first. */

import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { libcCalls } from "./libc-calls.ts";

/** sys/resource.h; for this call the kernel takes a thread's id for a process's. */
const PRIO_PROCESS = 0;

/** asm-generic/resource.h */
const RLIMIT_NICE = 13;

/** Of −20 to 19: a tenth of the weight of the others where both want the same processor. */
const NICE = 10;

/** The kernel's id of the calling thread. */
export function threadId(): number {
  return Number(basename(readlinkSync("/proc/thread-self")));
}

/**
 * Lets every other thread of this process stand behind the thread `preferred`. Needs no privilege; where
 * a sandbox forbids it (or on a kernel that knows better) nothing changes. A thread made later inherits
 * from the one that makes it.
 */
export function preferThread(preferred: number): void {
  for (const thread of threads()) {
    if (Number(thread) !== preferred) libcCalls().setpriority(PRIO_PROCESS, Number(thread), NICE);
  }
}

/** Takes back for a process just started what it inherited from a thread that stood behind, where that is allowed. */
export function standInFront(process: number): void {
  libcCalls().setpriority(PRIO_PROCESS, process, 0);
}

/**
 * Lets this process, and what it starts, take a priority up to the usual one back without a privilege.
 * Without CAP_SYS_RESOURCE nothing changes.
 */
export function allowStandingInFront(): void {
  // struct rlimit { rlim_t rlim_cur, rlim_max; }; 20 is the nice value 0
  libcCalls().setrlimit(RLIMIT_NICE, new BigUint64Array([20n, 20n]));
}

function threads(): string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return []; // no descriptor is free, or there is no /proc
  }
}
