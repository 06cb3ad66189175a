/**
 * A thread without any privilege inside a process that has some: programs that it starts have none
 * and cannot gain any.
 */

import { libcCalls } from "./libc-calls.ts";
import { errno, failure } from "./libc.ts";

/** sys/prctl.h, linux/securebits.h */
const PR_SET_DUMPABLE = 4;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** SECBIT_NOROOT | SECBIT_NOROOT_LOCKED: uid 0 alone no longer gives any privilege */
const NOROOT = 0x3;
/** linux/capability.h: _LINUX_CAPABILITY_VERSION_3, and two words of each set */
const CAPABILITY_VERSION_3 = 0x2008_0522;
const LAST_CAPABILITY = 63;

/**
 * Gives up every capability of the calling thread, for good and for every program it starts:
 * bounding, ambient and inheritable sets, and the rights that setuid programs and file capabilities
 * would bring. The kernel keeps all of these for each thread separately, so that the other threads
 * keep theirs. Throws OpError; then nothing may be started from this thread.
 *
 * A process without capabilities may trace a thread without any, if both belong to one user, and
 * through it write into the memory of all other threads. So from then on only CAP_SYS_PTRACE may
 * trace this process or look at its descriptors.
 */
export function giveUpPrivileges(): void {
  const libc = libcCalls();
  const must = (status: number) => {
    if (status === 0) return;
    throw failure(errno(), {
      operation: "take the privileges from",
      object: "the commands of doors",
      remedy: "use a kernel of version 4.3 or later",
    });
  };
  must(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  // Without CAP_SETPCAP these two are refused, and then there is no root privilege to take away.
  libc.prctl(PR_SET_SECUREBITS, NOROOT, 0, 0, 0);
  for (let capability = 0; capability <= LAST_CAPABILITY; capability++) {
    libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  must(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  must(libc.capset(new Uint32Array([CAPABILITY_VERSION_3, 0]), new Uint32Array(6)));
}
