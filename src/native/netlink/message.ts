/** Netlink's framing: the messages of a datagram, and the kernel's reason for refusing one. */

import { Errno } from "../errno.ts";
import { align4, behind, textOf, within } from "./attributes.ts";

/** linux/netlink.h: nlmsg_flags */
export const NLM_F = {
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP: 0x300,
  EXCL: 0x200,
  CREATE: 0x400,
  DUMP_INTR: 0x10,
  /** In NLMSG_ERROR: attributes follow. */
  ACK_TLVS: 0x200,
  /** In NLMSG_ERROR: it contains only the header of the failed message. */
  CAPPED: 0x100,
} as const;

/** linux/netlink.h: control messages */
export const NLMSG = { ERROR: 2, DONE: 3 } as const;

/** `struct nlmsghdr { u32 nlmsg_len; u16 nlmsg_type, nlmsg_flags; u32 nlmsg_seq, nlmsg_pid; }` */
export const NLMSG_HDRLEN = 16;
/** linux/netfilter/nfnetlink.h: sizeof(struct nfgenmsg) */
export const NFGENMSG_LEN = 4;
/** linux/netlink.h: NLMSGERR_ATTR_MSG */
const NLMSGERR_ATTR_MSG = 1;
/**
 * `struct nlmsgerr { int error; struct nlmsghdr msg; }`; an acknowledgement may end after `error`.
 */
const ERROR_BYTES = 4;

/** Netlink is in host order; every target of this program is little-endian. */
const LITTLE = true;

/** A message inside a datagram; its offsets are those of the datagram. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** After the netlink header. */
  readonly at: number;
  readonly end: number;
}

/** The messages of a datagram of `length` bytes; stops at the first malformed one. */
export function* messages(view: DataView, length: number): Generator<Message> {
  let at = 0;
  while (at + NLMSG_HDRLEN <= length) {
    const size = view.getUint32(at, LITTLE);
    if (size < NLMSG_HDRLEN || at + size > length) return;
    yield {
      type: view.getUint16(at + 4, LITTLE),
      flags: view.getUint16(at + 6, LITTLE),
      sequence: view.getUint32(at + 8, LITTLE),
      at: at + NLMSG_HDRLEN,
      end: at + size,
    };
    at += align4(size);
  }
}

/**
 * Whether `sequence` is between `first` and `last`, both included; the numbers wrap from 2³² − 1 to
 * 0.
 */
export function isBetween(sequence: number, first: number, last: number): boolean {
  return (sequence - first) >>> 0 <= (last - first) >>> 0;
}

/**
 * The errno, positive, of an NLMSG_ERROR or of an NLMSG_DONE that ends a dump too early; 0 for an
 * acknowledgement and for an end without an error. EBADMSG for an error that is cut short.
 */
export function errorCode(view: DataView, message: Message): number {
  if (message.at + ERROR_BYTES <= message.end) return -view.getInt32(message.at, LITTLE);
  return message.type === NLMSG.DONE ? 0 : Errno.EBADMSG;
}

/** The kernel's own words in an NLMSG_ERROR; undefined where it gave none. */
export function errorText(view: DataView, message: Message): string | undefined {
  if ((message.flags & NLM_F.ACK_TLVS) === 0) return undefined;
  if (message.at + ERROR_BYTES + NLMSG_HDRLEN > message.end) return undefined;
  const failed = view.getUint32(message.at + ERROR_BYTES, LITTLE);
  const skip = message.flags & NLM_F.CAPPED ? NLMSG_HDRLEN : failed;
  const attributes = behind(message, ERROR_BYTES + skip);
  const words = attributes && within(view, attributes, NLMSGERR_ATTR_MSG);
  return words && textOf(view, words);
}
