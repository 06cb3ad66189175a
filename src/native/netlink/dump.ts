/** Dumps tables of the kernel over rtnetlink: one question, every message of the answer. */

import type { OpError } from "../../core/errors.ts";
import { Errno } from "../errno.ts";
import { errno, failure, libc } from "../libc.ts";
import {
  align4,
  attributeLength,
  errorCode,
  findAttribute,
  messages,
  NLA_HDRLEN,
  NLM_F,
  NLMSG,
  NLMSG_HDRLEN,
} from "./message.ts";

/** sys/socket.h */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
/** linux/netlink.h */
const NETLINK_ROUTE = 0;

/** The kernel fills at most 32 KiB a datagram. */
const RECEIVE_BYTES = 64 * 1_024;
/** Changes during a dump make it start again; a machine where that never ends is not asked for ever. */
const MOST_TRIES = 10;

/** One message of the answer: its fixed header begins at `at`, all ends at `end`. */
export interface RouteMessage {
  readonly view: DataView;
  readonly at: number;
  readonly end: number;
}

/**
 * Sends `type` (RTM_GET…) with `body`, the fixed header of its kind, and hands every message of the
 * answer to `visit`, in the calling thread's network namespace; nothing of a message outlives its
 * visit. Needs no privilege. Throws OpError, also where the kernel does not know the question.
 */
export function dumpRoutes<T>(
  type: number,
  body: Uint8Array,
  visit: (message: RouteMessage) => T,
): T[] {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) throw dumpFailure(errno());
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      request(fd, type, body);
      const found = replies(fd, visit);
      if (found !== "interrupted") return found;
    }
    throw dumpFailure(Errno.EAGAIN);
  } finally {
    libc().close(fd);
  }
}

function request(fd: number, type: number, body: Uint8Array): void {
  const message = new DataView(new ArrayBuffer(NLMSG_HDRLEN + align4(body.length)));
  message.setUint32(0, message.byteLength, true);
  message.setUint16(4, type, true);
  message.setUint16(6, NLM_F.REQUEST | NLM_F.DUMP, true);
  const bytes = new Uint8Array(message.buffer);
  bytes.set(body, NLMSG_HDRLEN);
  if (libc().send(fd, bytes, bytes.length, 0) < 0) throw dumpFailure(errno());
}

function replies<T>(fd: number, visit: (message: RouteMessage) => T): T[] | "interrupted" {
  const buffer = new Uint8Array(RECEIVE_BYTES);
  const view = new DataView(buffer.buffer);
  const found: T[] = [];
  let interrupted = false;
  for (;;) {
    const bytes = libc().recv(fd, buffer, RECEIVE_BYTES, 0);
    if (bytes < 0) {
      const code = errno();
      if (code === Errno.EINTR) continue;
      throw dumpFailure(code);
    }
    for (const message of messages(view, bytes)) {
      interrupted ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
      if (message.type === NLMSG.DONE) return interrupted ? "interrupted" : found;
      if (message.type === NLMSG.ERROR) throw dumpFailure(errorCode(view, message));
      found.push(visit({ view, at: message.at, end: message.end }));
    }
  }
}

/** The bytes of the attribute of `type` behind a fixed header of `header` bytes; a copy. */
export function routeAttribute(
  { view, at, end }: RouteMessage,
  header: number,
  type: number,
): Uint8Array | undefined {
  const found = findAttribute(view, at + align4(header), end, type);
  if (found < 0) return undefined;
  const length = attributeLength(view, found) - NLA_HDRLEN;
  return new Uint8Array(view.buffer.slice(found + NLA_HDRLEN, found + NLA_HDRLEN + length));
}

/** The attribute of `type` inside the bytes of a nested one. */
export function nestedAttribute(bytes: Uint8Array, type: number): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return routeAttribute({ view, at: 0, end: bytes.length }, 0, type);
}

/** A zero-terminated string in the bytes of an attribute. */
export function attributeString(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
}

function dumpFailure(code: number): OpError {
  return failure(code, {
    operation: "read",
    object: "the interfaces of this machine",
    remedy: "see whether `ip link` works",
  });
}
