/**
 * Messages about one element of a set: libnftnl builds each once, then only the parts that differ
 * are rewritten.
 */

import type { NFT_MSG, SetMessages } from "../native/libnftnl.ts";
import {
  align4,
  attributeLength,
  findAttribute,
  NLA_HDRLEN,
} from "../native/netlink/attributes.ts";
import { NFGENMSG_LEN, NLMSG_HDRLEN } from "../native/netlink/message.ts";
import { addressOf } from "../native/memory.ts";
import { ELEMENT, readElements } from "./set-element.ts";

/** More than a message without user data needs: two names, a key of 24 bytes and a timeout. */
const TEMPLATE_ROOM = 512;

/** Netlink is in host order; every target of this program is little-endian. */
const LITTLE = true;

/**
 * The type of a message and its flags of `NLM_F`. The element has a life only where one is added.
 */
export interface ElementMessageKind {
  readonly type: (typeof NFT_MSG)[keyof typeof NFT_MSG];
  readonly flags: number;
  readonly hasLife: boolean;
  /** Bytes of the key. */
  readonly keyLength: number;
}

/**
 * One kind of message for one set, as bytes. So opening a door a second time needs no call into the
 * library: in a process that rests between knocks, those calls took a third of the time.
 */
export class ElementMessage {
  readonly #bytes: Uint8Array;
  readonly #keyAt: number;
  readonly #keyLength: number;
  /** 0 where the element has no life. */
  readonly #lifeAt: number;
  /**
   * The offsets of the two attributes that hold the element; both extend to the end of the message.
   */
  readonly #listAt: number;
  readonly #elementAt: number;

  constructor(messages: SetMessages, { type, flags, hasLife, keyLength }: ElementMessageKind) {
    const bytes = new Uint8Array(TEMPLATE_ROOM);
    const key = new Uint8Array(keyLength);
    messages.key(addressOf(key), keyLength);
    if (hasLife) messages.life(1, undefined);
    messages.element(addressOf(bytes), type, flags, 0);
    const view = new DataView(bytes.buffer);
    const end = view.getUint32(0, LITTLE);
    const at = NLMSG_HDRLEN;
    this.#keyLength = keyLength;
    let keyAt = 0;
    readElements(view, { type, flags, sequence: 0, at, end }, (element) => {
      keyAt = element.keyAt;
    });
    this.#keyAt = keyAt;
    this.#listAt = findAttribute(view, at + NFGENMSG_LEN, end, ELEMENT.LIST);
    this.#elementAt = this.#listAt + NLA_HDRLEN;
    const elementEnd = this.#elementAt + attributeLength(view, this.#elementAt);
    const inside = this.#elementAt + NLA_HDRLEN;
    const lifeAt = findAttribute(view, inside, elementEnd, ELEMENT.TIMEOUT);
    this.#lifeAt = lifeAt < 0 ? 0 : lifeAt + NLA_HDRLEN;
    this.#bytes = bytes.slice(0, end);
  }

  /**
   * Writes the message at `at` into the memory of `into` and `view`. Returns its length. `ms` is
   * the life in whole milliseconds, `userData` comes from `commentUserData`.
   */
  write(
    into: Uint8Array,
    view: DataView,
    at: number,
    sequence: number,
    key: Uint8Array,
    ms: number,
    userData: Uint8Array | undefined,
  ): number {
    const bytes = this.#bytes;
    into.set(bytes, at);
    view.setUint32(at + 8, sequence, LITTLE);
    for (let i = 0; i < this.#keyLength; i++) into[at + this.#keyAt + i] = key[i]!;
    if (this.#lifeAt !== 0) {
      // Netfilter uses network order for its 64-bit numbers.
      view.setUint32(at + this.#lifeAt, Math.floor(ms / 2 ** 32));
      view.setUint32(at + this.#lifeAt + 4, ms >>> 0);
    }
    if (userData === undefined) return bytes.length;
    const end = at + bytes.length;
    const length = NLA_HDRLEN + userData.length;
    view.setUint16(end, length, LITTLE);
    view.setUint16(end + 2, ELEMENT.USERDATA, LITTLE);
    into.set(userData, end + NLA_HDRLEN);
    const more = align4(length);
    into.fill(0, end + length, end + more);
    view.setUint32(at, bytes.length + more, LITTLE);
    for (const nest of [this.#listAt, this.#elementAt]) {
      view.setUint16(at + nest, view.getUint16(at + nest, LITTLE) + more, LITTLE);
    }
    return bytes.length + more;
  }
}
