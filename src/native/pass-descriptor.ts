/** Hands an open descriptor to the process at the other end of a unix socket (unix(7), SCM_RIGHTS). */

import { ptr } from "bun:ffi";
import { libcCalls } from "./libc-calls.ts";
import { errno, failure, libc } from "./libc.ts";

/** asm-generic/socket.h, bits/socket.h */
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;

/** asm-generic/ioctls.h */
const FIONBIO = 0x5421;

/** struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }, then one int; CMSG_LEN and CMSG_SPACE of it. */
const CMSG_LEN = 16 + 4;
const CMSG_SPACE = 16 + 8;

/**
 * Passes `fd` through the unix socket `over`, with one byte of data, as OpenSSH's `mm_receive_fd` wants
 * it. The receiver gets a descriptor that blocks, like one of its own; ours stays open, and closing it ends
 * nothing. Throws OpError where nobody takes it.
 */
export function passDescriptor(over: number, fd: number): void {
  // Whether a socket blocks belongs to what is passed, not to the descriptor.
  libc().ioctl(fd, FIONBIO, new Int32Array([0]));
  const data = new Uint8Array(1);
  // struct iovec { void *iov_base; size_t iov_len; }
  const vector = new BigUint64Array([BigInt(ptr(data)), 1n]);
  const control = new DataView(new ArrayBuffer(CMSG_SPACE));
  control.setBigUint64(0, BigInt(CMSG_LEN), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  control.setInt32(16, fd, true);
  const header = new BigUint64Array([
    0n, // void *msg_name
    0n, // socklen_t msg_namelen
    BigInt(ptr(vector)), // struct iovec *msg_iov
    1n, // size_t msg_iovlen
    BigInt(ptr(control)), // void *msg_control
    BigInt(CMSG_SPACE), // size_t msg_controllen
    0n, // int msg_flags
  ]);
  if (libcCalls().sendmsg(over, header, MSG_NOSIGNAL) === 1) return;
  throw failure(errno(), {
    operation: "pass the connection to",
    object: "the program that started this one",
    remedy: 'it takes one only where ssh runs it with "ProxyUseFdpass yes": leave out --fdpass',
  });
}
