/**
 * The addresses that the kernel calls its own: its table of local routes, read and watched over
 * rtnetlink.
 */

import { ptr } from "bun:ffi";
import { type Address, addressFromBytes, type Prefix } from "../core/address.ts";
import type { OpError } from "../core/errors.ts";
import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";
import { behind, bytesOf, within } from "./netlink/attributes.ts";
import { dump } from "./netlink/dump.ts";
import { type Message, NLM_F, NLMSG_HDRLEN } from "./netlink/message.ts";
import { MessageWriter } from "./netlink/message-writer.ts";
import {
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NetlinkSocket,
  SOL_SOCKET,
} from "./netlink/socket.ts";

/** sys/socket.h */
const AF_INET = 2;
const AF_INET6 = 10;
/** asm-generic/socket.h, the same on x64 and arm64 */
const SO_ATTACH_FILTER = 26;

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
const DST_LEN_AT = 1;
const TABLE_AT = 4;
const TYPE_AT = 7;

/** A kernel without IPv6 has no IPv6 routes. */
const NO_SUCH_FAMILY = new Set<number>([Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT]);

/** Bytes of an address. */
const ADDRESS_BYTES = { [AF_INET]: 4, [AF_INET6]: 16 } as const;

/**
 * Two rtnetlink sockets of the opening thread's network namespace: one reads the local routes, the
 * other becomes readable when they change.
 */
export class LocalRoutes implements Disposable {
  /** For poll(2); belongs to this object. */
  readonly fd: number;
  readonly #reader = new NetlinkSocket(NETLINK_ROUTE);
  readonly #watch: NetlinkSocket;
  readonly #out = new MessageWriter(64);

  constructor() {
    // Lets the kernel skip other routes; before Linux 4.20 it sends all, and `read` skips them.
    this.#reader.setOption(NETLINK_GET_STRICT_CHK, 1);
    // Routes, not addresses: the kernel announces an address before its local route exists. Links
    // too, because the routes of a vanishing link may go without an announcement.
    this.#watch = new NetlinkSocket(
      NETLINK_ROUTE,
      RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
    );
    this.fd = this.#watch.fd;
    attachLocalRouteFilter(this.fd);
  }

  /** Every prefix that is local now, of both families. */
  read(): Prefix[] {
    return [...this.#read(AF_INET), ...this.#read(AF_INET6)];
  }

  /**
   * Takes the messages waiting on `fd`. Returns whether local routes may have changed since the
   * last call.
   */
  changed(): boolean {
    let changed = false;
    // −1: more happened than the socket could hold, and the rest is unknown.
    while (this.#watch.receive() !== 0) changed = true;
    return changed;
  }

  close(): void {
    this.#watch.close();
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(family: typeof AF_INET | typeof AF_INET6): Prefix[] {
    const header = new Uint8Array(RTMSG_BYTES);
    header[0] = family;
    header[TABLE_AT] = RT_TABLE_LOCAL;
    header[TYPE_AT] = RTN_LOCAL;
    const out = this.#out;
    const answer = dump<Prefix>(
      this.#reader,
      (sequence) => {
        out.begin(RTM_GETROUTE, NLM_F.REQUEST | NLM_F.DUMP, sequence, header);
        return out;
      },
      (view, message, found) => {
        const prefix = localPrefix(view, message, family);
        if (prefix !== undefined) found.push(prefix);
      },
    );
    if ("found" in answer) return answer.found;
    if (NO_SUCH_FAMILY.has(answer.refused.code)) return [];
    throw readFailure(answer.refused.code);
  }
}

function localPrefix(
  view: DataView,
  message: Message,
  family: typeof AF_INET | typeof AF_INET6,
): Prefix | undefined {
  const attributes = behind(message, RTMSG_BYTES);
  if (message.type !== RTM_NEWROUTE || attributes === undefined) return undefined;
  if (view.getUint8(message.at) !== family) return undefined;
  // The same table holds broadcast and anycast routes. Local routes of other tables belong to
  // transparent proxies ("local 0.0.0.0/0"); the guard's `fib daddr type local` does not see them
  // either.
  if (view.getUint8(message.at + TABLE_AT) !== RT_TABLE_LOCAL) return undefined;
  if (view.getUint8(message.at + TYPE_AT) !== RTN_LOCAL) return undefined;
  const size = ADDRESS_BYTES[family];
  const bits = view.getUint8(message.at + DST_LEN_AT);
  const target = within(view, attributes, RTA_DST, size);
  if (target === undefined || bits > size * 8) return undefined;
  const address: Address = addressFromBytes(bytesOf(view, target).subarray(0, size));
  return { address, bits };
}

/**
 * Keeps routes of other types from waking the reader: a router that learns all routes of the
 * Internet would otherwise wake it a thousand times a second.
 */
function attachLocalRouteFilter(fd: number): void {
  // linux/bpf_common.h: BPF_LD|BPF_B|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
  const [LOAD_BYTE, JUMP_EQUAL, RETURN] = [0x30, 0x15, 0x06];
  const PASS = 0xffff_ffff;
  const DROP = 0;
  /** `struct sock_filter { u16 code; u8 jt, jf; u32 k; }` */
  const program: readonly (readonly [code: number, ifTrue: number, ifFalse: number, k: number])[] =
    [
      [LOAD_BYTE, 0, 0, 4], // low byte of nlmsg_type; no rtnetlink type is larger
      [JUMP_EQUAL, 1, 0, RTM_NEWROUTE],
      [JUMP_EQUAL, 0, 2, RTM_DELROUTE],
      [LOAD_BYTE, 0, 0, NLMSG_HDRLEN + TYPE_AT],
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
