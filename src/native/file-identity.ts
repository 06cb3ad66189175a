/** Whose rights the calling thread has on files (credentials(7)), apart from who the process is. */

import { Errno } from "./errno.ts";
import { errno, failure } from "./libc.ts";
import { libcCalls } from "./libc-calls.ts";

export interface FileIdentity {
  readonly uid: number;
  readonly gid: number;
}

/** setgroups(2) by its number: glibc's function of that name changes every thread of the process. */
const SYS_SETGROUPS = process.arch === "arm64" ? 159 : 116;

/** No id at all: the kernel changes nothing and returns the identity that stands. */
const ASK = 0xffff_ffff;

/** Throws OpError where the kernel keeps the groups as they are: without CAP_SETGID. */
function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from([...groups, 0]);
  if (libcCalls().syscall(SYS_SETGROUPS, groups.length, list, 0) !== 0n) throw refusal(errno());
}

function set({ uid, gid }: FileIdentity): boolean {
  const { setfsgid, setfsuid } = libcCalls();
  setfsgid(gid);
  setfsuid(uid);
  // Neither reports a refusal.
  return setfsgid(ASK) === gid && setfsuid(ASK) === uid;
}

function refusal(code: number) {
  return failure(code, {
    operation: "take the file rights of",
    object: "another user",
    remedy: "run with CAP_SETUID and CAP_SETGID, or as that user",
  });
}

/**
 * Runs `work` with the rights on files that this user has, no group of the caller's and none of root's
 * powers over files (CAP_DAC_OVERRIDE, CAP_CHOWN and the like): what it makes is that user's, and the
 * kernel refuses it whatever he could not do himself. The process stays root's, so he can neither
 * signal nor trace it. Only the calling thread changes, and only until `work` returns: it must not
 * promise anything. Throws OpError where this process may not do that.
 */
export function withFileIdentity<T>(identity: FileIdentity, work: () => T): T {
  const { setfsgid, setfsuid } = libcCalls();
  const before = { uid: setfsuid(ASK), gid: setfsgid(ASK) };
  const groups = process.getgroups!();
  const restore = () => {
    const restored = set(before);
    setGroups(groups);
    // Going on with another's rights would break whatever comes next, in ways nobody expects.
    if (!restored) throw refusal(Errno.EPERM);
  };
  setGroups([]);
  try {
    if (!set(identity)) throw refusal(Errno.EPERM);
    return work();
  } finally {
    restore();
  }
}
