/** Which threads of this process get a processor first. */

import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { libcCalls } from "./libc-calls.ts";

/** sys/resource.h; for this call the kernel takes a thread's id for a process's. */
const PRIO_PROCESS = 0;

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

/** Takes back for the calling thread what it inherited from one that stood behind, where it may (RLIMIT_NICE). */
export function standInFront(): void {
  libcCalls().setpriority(PRIO_PROCESS, 0, 0);
}

function threads(): string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return []; // no descriptor is free, or there is no /proc
  }
}
