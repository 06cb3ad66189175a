/** The addresses the kernel calls its own: its table of local routes, read and watched over rtnetlink. */

import { ptr } from "bun:ffi";
import { type Address, addressFromBytes, type Prefix } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/socket.h */
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const MSG_DONTWAIT = 0x40;

/** linux/netlink.h */
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** `struct nlmsghdr { u32 nlmsg_len; u16 nlmsg_type, nlmsg_flags; u32 nlmsg_seq, nlmsg_pid; }` */
const NLMSG_HDRLEN = 16;

/** linux/rtnetlink.h */
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_ROUTE = 0x400;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RT_TABLE_LOCAL = 255;
const RTN_LOCAL = 2;
const RTA_DST = 1;
/** `struct rtmsg { u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags; }` */
const RTMSG_BYTES = 12;
const RTM_TABLE_AT = NLMSG_HDRLEN + 4;
const RTM_TYPE_AT = NLMSG_HDRLEN + 7;
const RTATTR_BYTES = 4;

/** The kernel fills at most 32 KiB a message unless a larger buffer is offered. */
const RECEIVE_BYTES = 64 * 1024;

const align = (length: number) => (length + 3) & ~3;

/**
 * Two rtnetlink sockets of the network namespace the opening thread was in: one to read the local
 * routes, one that becomes readable when they change.
 */
export class LocalRoutes implements Disposable {
  /** For poll(2); belongs to this object. */
  readonly fd: number;
  readonly #reader: number;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #sequence = 0;

  constructor() {
    this.#reader = openSocket(0);
    // Lets the kernel skip the other routes; before Linux 4.20 it sends them all and we skip them.
    const one = new Int32Array([1]);
    libc().setsockopt(this.#reader, SOL_NETLINK, NETLINK_GET_STRICT_CHK, one, one.byteLength);
    // Routes, not addresses: the kernel announces an address before its local route exists. Links,
    // because the routes of one that goes away may go without a word.
    this.fd = openSocket(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
    attachLocalRouteFilter(this.fd);
  }

  /** Every prefix that is local now, of both families. */
  read(): Prefix[] {
    return [...this.#dump(AF_INET), ...this.#dump(AF_INET6)];
  }

  /** Takes what waits on `fd`; answers whether local routes may have changed since the last call. */
  changed(): boolean {
    let changed = false;
    for (;;) {
      const bytes = libc().recv(this.fd, this.#buffer, RECEIVE_BYTES, MSG_DONTWAIT);
      if (bytes < 0) {
        const code = errno();
        if (code === Errno.EAGAIN) return changed;
        // More happened than the socket could hold: what, nobody knows.
        if (code !== Errno.ENOBUFS && code !== Errno.EINTR) throw readFailure(code);
      }
      changed = true;
    }
  }

  close(): void {
    libc().close(this.fd);
    libc().close(this.#reader);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #dump(family: number): Prefix[] {
    for (;;) {
      this.#request(family);
      const found = this.#replies(family);
      if (found !== "interrupted") return found;
    }
  }

  #request(family: number): void {
    const message = new DataView(new ArrayBuffer(NLMSG_HDRLEN + RTMSG_BYTES));
    message.setUint32(0, message.byteLength, true);
    message.setUint16(4, RTM_GETROUTE, true);
    message.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
    message.setUint32(8, ++this.#sequence, true);
    message.setUint8(NLMSG_HDRLEN, family);
    message.setUint8(RTM_TABLE_AT, RT_TABLE_LOCAL);
    message.setUint8(RTM_TYPE_AT, RTN_LOCAL);
    const bytes = new Uint8Array(message.buffer);
    if (libc().send(this.#reader, bytes, bytes.length, 0) < 0) throw readFailure(errno());
  }

  #replies(family: number): Prefix[] | "interrupted" {
    const found: Prefix[] = [];
    let interrupted = false;
    for (;;) {
      const bytes = libc().recv(this.#reader, this.#buffer, RECEIVE_BYTES, 0);
      if (bytes < 0) {
        const code = errno();
        if (code === Errno.EINTR) continue;
        throw readFailure(code);
      }
      for (let at = 0; at + NLMSG_HDRLEN <= bytes;) {
        const length = this.#view.getUint32(at, true);
        const type = this.#view.getUint16(at + 4, true);
        interrupted ||= (this.#view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0;
        if (type === NLMSG_DONE) return interrupted ? "interrupted" : found;
        if (type === NLMSG_ERROR) return this.#refused(at, found);
        if (type === RTM_NEWROUTE && this.#view.getUint8(at + NLMSG_HDRLEN) === family) {
          const prefix = localPrefix(this.#view, at, length);
          if (prefix !== undefined) found.push(prefix);
        }
        at += Math.max(align(length), NLMSG_HDRLEN);
      }
    }
  }

  /** A kernel without IPv6 has no routes of it. */
  #refused(at: number, found: Prefix[]): Prefix[] {
    const code = -this.#view.getInt32(at + NLMSG_HDRLEN, true);
    if (code === 0 || code === Errno.EOPNOTSUPP || code === Errno.EAFNOSUPPORT) return found;
    throw readFailure(code);
  }
}

function localPrefix(view: DataView, at: number, length: number): Prefix | undefined {
  // Broadcast and anycast routes stand in the same table; local routes of other tables are those of
  // transparent proxies ("local 0.0.0.0/0"), which the guard's `fib daddr type local` does not see either.
  if (view.getUint8(at + RTM_TABLE_AT) !== RT_TABLE_LOCAL) return undefined;
  if (view.getUint8(at + RTM_TYPE_AT) !== RTN_LOCAL) return undefined;
  const bits = view.getUint8(at + NLMSG_HDRLEN + 1);
  const end = at + length;
  for (let attribute = at + NLMSG_HDRLEN + RTMSG_BYTES; attribute + RTATTR_BYTES <= end;) {
    const bytes = view.getUint16(attribute, true);
    if (view.getUint16(attribute + 2, true) === RTA_DST) {
      const address: Address = addressFromBytes(
        new Uint8Array(view.buffer.slice(attribute + RTATTR_BYTES, attribute + bytes)),
      );
      return { address, bits };
    }
    attribute += Math.max(align(bytes), RTATTR_BYTES);
  }
  return undefined;
}

function openSocket(groups: number): number {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) throw readFailure(errno());
  // struct sockaddr_nl { u16 nl_family, nl_pad; u32 nl_pid, nl_groups; }
  const address = new Uint32Array([AF_NETLINK, 0, groups]);
  if (libc().bind(fd, address, address.byteLength) === 0) return fd;
  const code = errno();
  libc().close(fd);
  throw readFailure(code);
}

/**
 * Keeps routes of other types from waking the reader: a router that learns the whole Internet's would
 * otherwise wake it a thousand times a second.
 */
function attachLocalRouteFilter(fd: number): void {
  // linux/bpf_common.h: BPF_LD|BPF_B|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
  const [LOAD_BYTE, JUMP_EQUAL, RETURN] = [0x30, 0x15, 0x06];
  const PASS = 0xffff_ffff;
  const DROP = 0;
  /** `struct sock_filter { u16 code; u8 jt, jf; u32 k; }` */
  const program: readonly (readonly [code: number, ifTrue: number, ifFalse: number, k: number])[] =
    [
      [LOAD_BYTE, 0, 0, 4], // low byte of nlmsg_type, which no rtnetlink type exceeds
      [JUMP_EQUAL, 1, 0, RTM_NEWROUTE],
      [JUMP_EQUAL, 0, 2, RTM_DELROUTE],
      [LOAD_BYTE, 0, 0, RTM_TYPE_AT],
      [JUMP_EQUAL, 0, 1, RTN_LOCAL],
      [RETURN, 0, 0, PASS],
      [RETURN, 0, 0, DROP],
    ];
  const code = new DataView(new ArrayBuffer(program.length * 8));
  for (const [i, [operation, ifTrue, ifFalse, k]] of program.entries()) {
    code.setUint16(i * 8, operation, true);
    code.setUint8(i * 8 + 2, ifTrue);
    code.setUint8(i * 8 + 3, ifFalse);
    code.setUint32(i * 8 + 4, k, true);
  }
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const instructions = new Uint8Array(code.buffer);
  const descriptor = new BigUint64Array([BigInt(program.length), BigInt(ptr(instructions))]);
  if (libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, descriptor, descriptor.byteLength) < 0) {
    throw readFailure(errno());
  }
}

function readFailure(code: number): OpError {
  return failure(code, {
    operation: "read",
    object: "the local addresses",
    remedy: "see whether `ip route show table local` works",
  });
}
