/** The C library: system calls that Bun does not offer, and the one place that reads errno. */

import { type Pointer, read } from "bun:ffi";
import { ExitCode, OpError, type OpFailure } from "../core/errors.ts";
import { Errno, errnoName } from "./errno.ts";
import { openLibrary } from "./library.ts";

const SYMBOLS = {
  // int *__errno_location(void): the address of this thread's errno
  __errno_location: { args: [], returns: "ptr" },
  poll: {
    args: [
      "ptr", // struct pollfd *fds
      "u64", // nfds_t nfds
      "i32", // int timeout
    ],
    returns: "i32", // int
  },
  eventfd: {
    args: [
      "u32", // unsigned int initval
      "i32", // int flags
    ],
    returns: "i32", // int
  },
  open: {
    args: [
      "ptr", // const char *pathname
      "i32", // int flags
    ],
    returns: "i32", // int
  },
  close: {
    args: [
      "i32", // int fd
    ],
    returns: "i32", // int
  },
  read: {
    args: [
      "i32", // int fd
      "ptr", // void *buf
      "u64", // size_t count
    ],
    returns: "i32", // ssize_t; no call here moves 2 GiB
  },
  write: {
    args: [
      "i32", // int fd
      "ptr", // const void *buf
      "u64", // size_t count
    ],
    returns: "i32", // ssize_t; no call here moves 2 GiB
  },
  usleep: {
    args: [
      "u32", // useconds_t usec
    ],
    returns: "i32", // int
  },
  clock_gettime: {
    args: [
      "i32", // clockid_t clockid
      "ptr", // struct timespec *tp
    ],
    returns: "i32", // int
  },
  setns: {
    args: [
      "i32", // int fd
      "i32", // int nstype
    ],
    returns: "i32", // int
  },
  socket: {
    args: [
      "i32", // int domain
      "i32", // int type
      "i32", // int protocol
    ],
    returns: "i32", // int
  },
  bind: {
    args: [
      "i32", // int sockfd
      "ptr", // const struct sockaddr *addr
      "u32", // socklen_t addrlen
    ],
    returns: "i32", // int
  },
  ioctl: {
    args: [
      "i32", // int fd
      "u64", // unsigned long request
      "ptr", // ...: a struct of the request
    ],
    returns: "i32", // int
  },
  if_nametoindex: {
    args: [
      "ptr", // const char *ifname
    ],
    returns: "u32", // unsigned int; 0: see errno
  },
  setsockopt: {
    args: [
      "i32", // int sockfd
      "i32", // int level
      "i32", // int optname
      "ptr", // const void *optval
      "u32", // socklen_t optlen
    ],
    returns: "i32", // int
  },
  send: {
    args: [
      "i32", // int sockfd
      "ptr", // const void *buf
      "u64", // size_t len
      "i32", // int flags
    ],
    returns: "i32", // ssize_t; no call here moves 2 GiB
  },
  recv: {
    args: [
      "i32", // int sockfd
      "ptr", // void *buf
      "u64", // size_t len
      "i32", // int flags
    ],
    returns: "i32", // ssize_t; no call here moves 2 GiB
  },
  fmemopen: {
    args: [
      "ptr", // void *buf
      "u64", // size_t size
      "ptr", // const char *mode
    ],
    returns: "ptr", // FILE *
  },
  fseek: {
    args: [
      "ptr", // FILE *stream
      "i64", // long offset
      "i32", // int whence
    ],
    returns: "i32", // int
  },
} as const;

function open() {
  const { symbols } = openLibrary(
    {
      sonames: ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`],
      packages: "libc6 (Debian), glibc (Fedora) or musl (Alpine)",
    },
    SYMBOLS,
  );
  return { ...symbols, errnoAt: symbols["__errno_location"]()! };
}

/** A pointer from C: opaque, only ever handed back. */
export type CPointer = Pointer | bigint;

/** One per thread, since every thread has its own modules and its own errno. */
let opened: ReturnType<typeof open> | undefined;

/** The functions, opened on first use. After one fails, call `errno()` before anything else. */
export function libc(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/**
 * Why the last C call of this thread failed. Valid only directly after a call that reported
 * failure: it reads the thread's errno in place, with no C code of the runtime in between.
 */
export function errno(): number {
  return read.i32(libc().errnoAt, 0);
}

/** The input of `failure`; code and detail come from errno. */
type Attempt = Pick<OpFailure, "operation" | "object" | "remedy">;

/**
 * The OpError of a C library call that failed with `code`. A refusal for lack of privilege exits with
 * `ExitCode.privilege`.
 */
export function failure(code: number, attempt: Attempt): OpError {
  const denied = code === Errno.EPERM || code === Errno.EACCES;
  return new OpError({
    ...attempt,
    detail: errnoName(code),
    code,
    ...(denied ? { exitCode: ExitCode.privilege } : {}),
  });
}

/** A string in C's form. Keep it in a variable until the call that uses it has returned. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
