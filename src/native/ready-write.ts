/** Writes that never wait for whoever reads. */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** poll.h */
const POLLOUT = 0x0004;

/** limits.h: a pipe that is ready takes at least so many bytes at once; sockets and terminals take such a piece, too. */
const PIPE_BUF = 4_096;

/**
 * Writes what `fd` takes at once of `bytes`, waiting at most `waitMs` (0 by default) until it takes anything; answers how many
 * bytes that were. Throws OpError when nobody will ever read them.
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
