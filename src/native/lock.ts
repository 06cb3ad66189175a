/** The kernel's lock on an open file: it ends with the descriptor, so also with its process. */

import { Errno } from "./errno.ts";
import { errno, failure } from "./libc.ts";
import { libcCalls } from "./libc-calls.ts";

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Locks an open file against every other open of it, until it is closed (flock(2)). Never waits: false where another
 * has it. Throws OpError where the file system knows no locks.
 */
export function tryLock(fd: number, file: string): boolean {
  if (libcCalls().flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const code = errno();
  if (code === Errno.EAGAIN) return false;
  throw failure(code, {
    operation: "lock",
    object: file,
    remedy: "put the state folder on a file system of this machine",
  });
}
