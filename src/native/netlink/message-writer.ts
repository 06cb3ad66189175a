/** Writes one netlink message, attribute by attribute, into memory of its own. */

import { align4, NLA_F_NESTED, NLA_HDRLEN } from "./attributes.ts";
import { NFGENMSG_LEN, NLMSG_HDRLEN } from "./message.ts";

/**
 * `struct nfgenmsg { u8 nfgen_family, version; __be16 res_id; }` with AF_INET, AF_INET6 or
 * AF_UNSPEC.
 */
export function nfgenmsg(family: number): Uint8Array {
  const header = new Uint8Array(NFGENMSG_LEN);
  header[0] = family;
  return header;
}

/** For short messages of small attributes; throws RangeError when they outgrow its memory. */
export class MessageWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** The length of the message so far, header included; a multiple of four. */
  length = 0;

  constructor(size = 1_024) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Begins a new message with the fixed header of its kind: `struct rtmsg`, `nfgenmsg()`. */
  begin(type: number, flags: number, sequence: number, header: Uint8Array): void {
    this.bytes.fill(0);
    this.bytes.set(header, NLMSG_HDRLEN);
    this.length = NLMSG_HDRLEN + align4(header.length);
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags, true);
    this.#view.setUint32(8, sequence, true);
    this.#finish();
  }

  /** Adds an attribute that holds a copy of `value`. */
  attribute(type: number, value: Uint8Array): void {
    const at = this.#open(type, value.length);
    this.bytes.set(value, at);
    this.#finish();
  }

  u8(type: number, value: number): void {
    this.#view.setUint8(this.#open(type, 1), value);
    this.#finish();
  }

  /** In network order, which netfilter uses for its numbers. */
  u16(type: number, value: number): void {
    this.#view.setUint16(this.#open(type, 2), value);
    this.#finish();
  }

  /** In network order. */
  u32(type: number, value: number): void {
    this.#view.setUint32(this.#open(type, 4), value);
    this.#finish();
  }

  /** Adds an attribute with the content that `write` adds. */
  nest(type: number, write: () => void): void {
    const at = this.#open(NLA_F_NESTED | type, 0) - NLA_HDRLEN;
    write();
    this.#view.setUint16(at, this.length - at, true);
    this.#finish();
  }

  #open(type: number, size: number): number {
    const at = this.length;
    this.#view.setUint16(at, NLA_HDRLEN + size, true);
    this.#view.setUint16(at + 2, type, true);
    this.length += align4(NLA_HDRLEN + size);
    return at + NLA_HDRLEN;
  }

  #finish(): void {
    this.#view.setUint32(0, this.length, true);
  }
}
