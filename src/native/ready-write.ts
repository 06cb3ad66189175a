/** Writes that never wait for the reader. */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** poll.h */
const POLLOUT = 0x0004;

/**
 * limits.h: a ready pipe takes at least this many bytes at once; sockets and terminals take such a
 * piece too.
 */
const PIPE_BUF = 4_096;

/**
 * Writes as many of `bytes` as `fd` takes at once, after waiting at most `waitMs` (default 0) until
 * it takes any. Returns how many were written. Throws OpError when nobody will ever read them.
 */
export function writeIfReady(fd: number, bytes: Uint8Array, waitMs = 0): number {
  // struct pollfd { int fd; short events; short revents; }
  const entry = new Int32Array([fd, POLLOUT]);
  if (libc().poll(entry, 1, Math.ceil(waitMs)) < 1) return 0;
  const piece = bytes.subarray(0, PIPE_BUF);
  const written = libc().write(fd, piece, piece.length);
  if (written >= 0) return written;
  const code = errno();
  if (code === Errno.EAGAIN || code === Errno.EINTR) return 0;
  throw failure(code, { operation: "write", object: "the log", remedy: "read it somewhere" });
}
