/**
 * The user whose file rights the calling thread has (credentials(7)), apart from the user of the
 * process.
 */

import { Errno } from "./errno.ts";
import { errno, failure } from "./libc.ts";
import { libcCalls } from "./libc-calls.ts";

export interface FileIdentity {
  readonly uid: number;
  readonly gid: number;
}

/** setgroups(2) by number: the glibc function of that name changes every thread of the process. */
const SYS_SETGROUPS = process.arch === "arm64" ? 159 : 116;

/** Not a valid id: the kernel changes nothing and returns the present identity. */
const ASK = 0xffff_ffff;

/** Throws OpError where the kernel refuses: without CAP_SETGID. */
function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from([...groups, 0]);
  if (libcCalls().syscall(SYS_SETGROUPS, groups.length, list, 0) !== 0n) throw refusal(errno());
}

function set({ uid, gid }: FileIdentity): boolean {
  const { setfsgid, setfsuid } = libcCalls();
  setfsgid(gid);
  setfsuid(uid);
  // Neither call reports a refusal.
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
 * Runs `work` with this user's rights on files: no group of the caller's and none of root's powers
 * over files (CAP_DAC_OVERRIDE, CAP_CHOWN and the like). New files belong to that user, and the
 * kernel refuses everything that the user could not do. The process stays root's, so the user can
 * neither signal nor trace it. Only the calling thread changes, and only until `work` returns: it
 * must not return a promise. Throws OpError where this process may not do that.
 */
export function withFileIdentity<T>(identity: FileIdentity, work: () => T): T {
  const { setfsgid, setfsuid } = libcCalls();
  const before = { uid: setfsuid(ASK), gid: setfsgid(ASK) };
  const groups = process.getgroups!();
  const restore = () => {
    const restored = set(before);
    setGroups(groups);
    // To go on with another user's rights would break later work in ways nobody expects.
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
