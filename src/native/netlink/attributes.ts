/** Attributes of netlink messages, read in place. No length is used before it was checked. */

/** linux/netlink.h: sizeof(struct nlattr) */
export const NLA_HDRLEN = 4;
/** linux/netlink.h: NLA_F_NESTED, and the rest of a type without it and NLA_F_NET_BYTEORDER */
export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

/** Netlink is in host order; every target of this program is little-endian. */
const LITTLE = true;

/** NLMSG_ALIGN and NLA_ALIGN */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** The place of an attribute's value, without its header. */
export interface Span {
  readonly at: number;
  readonly end: number;
}

/**
 * The offset of the first attribute of `type` between `at` and `end`, header included; −1 for none.
 */
export function findAttribute(view: DataView, at: number, end: number, type: number): number {
  for (let next = at; next + NLA_HDRLEN <= end;) {
    const length = view.getUint16(next, LITTLE);
    if (length < NLA_HDRLEN || next + length > end) return -1;
    if ((view.getUint16(next + 2, LITTLE) & NLA_TYPE_MASK) === type) return next;
    next += align4(length);
  }
  return -1;
}

/** The length of the attribute at `at`, header included. */
export function attributeLength(view: DataView, at: number): number {
  return view.getUint16(at, LITTLE);
}

/**
 * The value of the first attribute of `type` inside `around`. Undefined when there is none, or when
 * it is shorter than `least`, the number of bytes that the caller will read.
 */
export function within(view: DataView, around: Span, type: number, least = 0): Span | undefined {
  const found = findAttribute(view, around.at, around.end, type);
  if (found < 0) return undefined;
  const span = { at: found + NLA_HDRLEN, end: found + attributeLength(view, found) };
  return span.end - span.at < least ? undefined : span;
}

/** The values of all attributes of `type` inside `around`, in their order. */
export function allWithin(view: DataView, around: Span, type: number): Span[] {
  const spans: Span[] = [];
  for (let at = around.at; ;) {
    const found = findAttribute(view, at, around.end, type);
    if (found < 0) return spans;
    const length = attributeLength(view, found);
    spans.push({ at: found + NLA_HDRLEN, end: found + length });
    at = found + align4(length);
  }
}

/**
 * The bytes behind a fixed header of `header` bytes; undefined where even the header is incomplete.
 */
export function behind({ at, end }: Span, header: number): Span | undefined {
  return at + header > end ? undefined : { at: Math.min(at + align4(header), end), end };
}

/** A copy of the value. */
export function bytesOf(view: DataView, { at, end }: Span): Uint8Array {
  return new Uint8Array(view.buffer.slice(view.byteOffset + at, view.byteOffset + end));
}

/** Whether the value up to its first zero is this text; makes no object. */
export function isText(view: DataView, { at, end }: Span, text: string): boolean {
  const length = text.length;
  if (at + length > end || (at + length < end && view.getUint8(at + length) !== 0)) return false;
  for (let i = 0; i < length; i++) {
    if (view.getUint8(at + i) !== text.charCodeAt(i)) return false;
  }
  return true;
}

const decoder = new TextDecoder();

/** The value as a string, up to its first zero. */
export function textOf(view: DataView, { at, end }: Span): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, end - at);
  const zero = bytes.indexOf(0);
  return decoder.decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}
