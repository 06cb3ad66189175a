/**
 * The signatures of TCP segments that this kernel checks; it does not answer segments that it
 * cannot verify.
 */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/socket.h, netinet/in.h, linux/tcp.h */
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2_000_000;
const IPPROTO_TCP = 6;

/** Kinds of TCP options (IANA) with the socket option that sets a key for them. */
const SIGNATURES = [
  { kind: 19, option: 14 }, // RFC 2385, TCP_MD5SIG
  { kind: 29, option: 38 }, // RFC 5925, TCP_AO_ADD_KEY
] as const;

/**
 * The kinds of TCP options that the kernel was built to verify, in ascending order. Throws OpError
 * where it could not be asked.
 */
export function verifiedSignatures(): number[] {
  const fd = libc().socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (errno() === Errno.EAFNOSUPPORT) return [];
    throw failure(errno(), {
      operation: "ask for",
      object: "the signatures that the kernel verifies",
      remedy: "try again",
    });
  }
  try {
    // Shorter than a key but as long as an int, the least for any option: a kernel that knows the
    // option returns EINVAL, others ENOPROTOOPT.
    const nothing = new Int32Array(1);
    return SIGNATURES.filter(({ option }) => {
      const refused = libc().setsockopt(fd, IPPROTO_TCP, option, nothing, nothing.byteLength) !== 0;
      return !refused || errno() !== Errno.ENOPROTOOPT;
    }).map(({ kind }) => kind);
  } finally {
    libc().close(fd);
  }
}
