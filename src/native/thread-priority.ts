/** The order in which threads of this process get a processor. */

import { readdirSync, readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { basename } from "node:path";
import { libcCalls } from "./libc-calls.ts";

/** sys/resource.h; for this call the kernel takes a thread's id as the id of a process. */
const PRIO_PROCESS = 0;

/** asm-generic/resource.h */
const RLIMIT_NICE = 13;

/** More than the preferred thread: a tenth of its weight where both want the same processor. */
const NICE_BEHIND = 10;
const MOST_NICE = 19;

/** linux/sched.h: as SCHED_OTHER, but a thread that wakes up takes no processor from another one that has it. */
const SCHED_BATCH = 3;
const SCHED_OTHER = 0;

/** The kernel's id of the calling thread. */
export function threadId(): number {
  return Number(basename(readlinkSync("/proc/thread-self")));
}

/**
 * Puts every other thread of this process behind the thread `preferred`. Needs no privilege. Where
 * a sandbox forbids it (or the kernel decides otherwise) nothing changes. A new thread inherits
 * from the one that makes it: call it again when there may be some. Nothing changes where `preferred` has ended.
 */
export function preferThread(preferred: number): void {
  const nice = niceOf(preferred);
  if (nice === undefined) return;
  const behind = Math.min(nice + NICE_BEHIND, MOST_NICE);
  for (const thread of threads()) {
    if (Number(thread) !== preferred) order(Number(thread), behind, SCHED_BATCH);
  }
}

/** Of −20 to 19: an administrator may have started the process in front of others, or behind. */
function niceOf(thread: number): number | undefined {
  try {
    return getPriority(thread);
  } catch {
    return undefined;
  }
}

/**
 * Gives a process just started the usual priority in place of the one inherited from a thread
 * behind, where that is allowed.
 */
export function standInFront(process: number): void {
  order(process, 0, SCHED_OTHER);
}

/**
 * Allows this process, and those that it starts, to return to the usual priority without a
 * privilege. Without CAP_SYS_RESOURCE nothing changes.
 */
export function allowStandingInFront(): void {
  // struct rlimit { rlim_t rlim_cur, rlim_max; }; 20 is the nice value 0
  libcCalls().setrlimit(RLIMIT_NICE, new BigUint64Array([20n, 20n]));
}

function order(thread: number, nice: number, policy: number): void {
  const calls = libcCalls();
  calls.setpriority(PRIO_PROCESS, thread, nice);
  // struct sched_param { int sched_priority; }; musl lacks the call, and fails.
  calls.sched_setscheduler(thread, policy, new Int32Array(1));
}

function threads(): string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return []; // no descriptor is free, or there is no /proc
  }
}
