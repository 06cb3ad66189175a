/** Netlink's framing: headers and attributes, read and written in the caller's memory. */

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
  /** In NLMSG_ERROR: only the header of the failed message is in it. */
  CAPPED: 0x100,
} as const;

/** linux/netlink.h: control messages */
export const NLMSG = { ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

/** linux/netlink.h: sizeof(struct nlmsghdr) */
export const NLMSG_HDRLEN = 16;
/** linux/netfilter/nfnetlink.h: sizeof(struct nfgenmsg) */
export const NFGENMSG_LEN = 4;
/** linux/netlink.h: sizeof(struct nlattr) */
export const NLA_HDRLEN = 4;
/** linux/netlink.h: NLA_F_NESTED, and what is left of a type without it and NLA_F_NET_BYTEORDER */
export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
/** linux/netlink.h: NLMSGERR_ATTR_MSG */
const NLMSGERR_ATTR_MSG = 1;

/** Netlink is in host order; every target of this program is little-endian. */
const LITTLE = true;

/** NLMSG_ALIGN and NLA_ALIGN */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** A message inside a datagram; the view is the datagram's, offsets are absolute. */
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

/** errno, positive, of an NLMSG_ERROR; 0 for an acknowledgement. */
export function errorCode(view: DataView, message: Message): number {
  return -view.getInt32(message.at, LITTLE);
}

/** The kernel's own words in an NLMSG_ERROR; undefined where it said none. */
export function errorText(view: DataView, message: Message): string | undefined {
  if ((message.flags & NLM_F.ACK_TLVS) === 0) return undefined;
  const failed = view.getUint32(message.at + 4, LITTLE);
  const skip = message.flags & NLM_F.CAPPED ? NLMSG_HDRLEN : align4(failed);
  const at = findAttribute(view, message.at + 4 + skip, message.end, NLMSGERR_ATTR_MSG);
  if (at < 0) return undefined;
  return attributeText(view, at);
}

/** Offset of the first attribute of `type` between `at` and `end`, header included; −1 for none. */
export function findAttribute(view: DataView, at: number, end: number, type: number): number {
  for (let next = at; next + NLA_HDRLEN <= end;) {
    const length = view.getUint16(next, LITTLE);
    if (length < NLA_HDRLEN || next + length > end) return -1;
    if ((view.getUint16(next + 2, LITTLE) & NLA_TYPE_MASK) === type) return next;
    next += align4(length);
  }
  return -1;
}

/** Length of the attribute at `at`, header included. */
export function attributeLength(view: DataView, at: number): number {
  return view.getUint16(at, LITTLE);
}

/** A zero-terminated string in the attribute at `at`. */
export function attributeText(view: DataView, at: number): string {
  const length = attributeLength(view, at) - NLA_HDRLEN;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + NLA_HDRLEN, length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
