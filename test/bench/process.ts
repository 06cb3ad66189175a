/** The cost of a running process: memory, CPU time and wake-ups, read from outside. */

import { readdirSync, readFileSync } from "node:fs";
import { errno, libc } from "../../src/native/libc.ts";

/** linux/posix-timers_types.h: CPUCLOCK_SCHED, of a process: MAKE_PROCESS_CPUCLOCK(pid, clock) */
const CPUCLOCK_SCHED = 2;

/** Memory in bytes. */
export interface Resident {
  /** Every page that is mapped in and present, shared ones counted in full: what `ps` and `top` show. */
  readonly rss: number;
  /** The same with each shared page divided among those who share it. */
  readonly pss: number;
  /** Pages of its own: heaps, stacks, buffers. */
  readonly anonymous: number;
  /** Pages of files (the executable above all), which the kernel takes back when memory is short. */
  readonly file: number;
}

/** A line "Name:   123 kB" in bytes; 0 where there is none. */
function bytesOf(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  return Number(found ?? 0) * 1_024;
}

function residentOfOne(pid: number): Resident {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    rss: bytesOf(status, "VmRSS"),
    pss: bytesOf(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss"),
    anonymous: bytesOf(status, "RssAnon"),
    file: bytesOf(status, "RssFile") + bytesOf(status, "RssShmem"),
  };
}

/**
 * The memory of processes and of everything they started that still runs; zeros for no process.
 * Throws where one of `pids` itself is gone.
 */
export function residentOf(pids: readonly number[]): Resident {
  const sum = { rss: 0, pss: 0, anonymous: 0, file: 0 };
  for (const pid of withChildren(pids)) {
    try {
      const one = residentOfOne(pid);
      for (const kind of ["rss", "pss", "anonymous", "file"] as const) sum[kind] += one[kind];
    } catch (error) {
      // A command that ended in between is no loss; the daemon itself is one.
      if (pids.includes(pid)) throw error;
    }
  }
  return sum;
}

/**
 * Bytes of the pages that hold code which the engine has compiled while it ran: the only ones of its own that can be
 * written and run.
 */
export function compiledCodeOf(pid: number): number {
  const mappings = readFileSync(`/proc/${pid}/smaps`, "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const compiled = mappings.filter((mapping) => /^\S+ rwxp /.test(mapping));
  return compiled.reduce((sum, mapping) => sum + bytesOf(mapping, "Anonymous"), 0);
}

/** Nanoseconds of user and system time, of all threads that a process has or had; not of its children. */
function ownCpuNs(pid: number): number {
  const timespec = new BigInt64Array(2); // struct timespec { time_t tv_sec; long tv_nsec; }
  const clock = (~pid << 3) | CPUCLOCK_SCHED;
  if (libc().clock_gettime(clock, timespec) !== 0) {
    throw new Error(`Cannot read the CPU time of process ${pid}: errno ${errno()}: it has ended`);
  }
  return Number(timespec[0]! * 1_000_000_000n + timespec[1]!);
}

/** The fields of /proc/PID/stat from the third on; the second, a name in brackets, may hold blanks. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/**
 * The time of children that have ended and were waited for: proc_pid_stat(5), fields 16 and 17, in
 * 1/100 s.
 */
function reapedCpuNs(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[16 - 3]) + Number(fields[17 - 3])) * 10_000_000;
}

/** Nanoseconds of CPU time: all threads exact, and the commands they ran to 10 ms. 0 for no process. */
export function cpuNsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ownCpuNs(pid) + reapedCpuNs(pid), 0);
}

/**
 * Nanoseconds that living threads were ready to run but had to wait for a processor: the machine,
 * not the process, adds this to its times. proc_pid_schedstat(5), field 2.
 */
export function queuedNsOf(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
        sum += Number(text.split(" ")[1]);
      } catch {
        // The thread ended in between.
      }
    }
  }
  return sum;
}

/** How often each living thread was put on a processor: it slept and was woken, or was sent to wait. */
function switchesOf(pid: number): Map<string, number> {
  const switches = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      const count = [...status.matchAll(/ctxt_switches:\s+(\d+)/g)];
      switches.set(
        `${pid}/${thread}`,
        count.reduce((sum, [, number]) => sum + Number(number), 0),
      );
    } catch {
      // The thread ended in between.
    }
  }
  return switches;
}

/** A count of context switches, voluntary and not, of every thread of some processes, by thread. */
export type Switches = ReadonlyMap<string, number>;

export function countSwitches(pids: readonly number[]): Switches {
  return new Map(pids.flatMap((pid) => [...switchesOf(pid)]));
}

/** Switches since `before`. A thread that ended in between is left out, one that is new counts in full. */
export function switchesSince(before: Switches, after: Switches): number {
  let sum = 0;
  for (const [thread, count] of after) sum += count - (before.get(thread) ?? 0);
  return sum;
}

/**
 * The processes and everything they started that still runs: a daemon with commands has some at
 * times.
 */
export function withChildren(pids: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statFields(Number(name))[4 - 3]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended in between.
    }
  }
  const found = [...pids];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
