/** HMAC-SHA-256 of one short message under many keys, without an object for each of them. */

import { sha256 } from "./sha256.ts";

const BLOCK_BYTES = 64; // of SHA-256
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * The general construction of RFC 2104, written out over buffers that are used again. One hasher of
 * the engine for each key costs twice the time, and at a hundred thousand keys a slot the garbage
 * makes the collector stop the thread.
 */
export class Mac {
  /** The message; the caller may change it between two calls of `sign`. */
  readonly message: Uint8Array;
  /** Overwritten by every `sign`. */
  readonly digest = new Uint8Array(DIGEST_BYTES);
  readonly #inner: Uint8Array;
  readonly #outer = new Uint8Array(BLOCK_BYTES + DIGEST_BYTES).fill(OUTER_PAD, 0, BLOCK_BYTES);
  readonly #innerDigest = this.#outer.subarray(BLOCK_BYTES);

  constructor(message: Uint8Array) {
    this.#inner = new Uint8Array(BLOCK_BYTES + message.length).fill(INNER_PAD, 0, BLOCK_BYTES);
    this.#inner.set(message, BLOCK_BYTES);
    this.message = this.#inner.subarray(BLOCK_BYTES);
  }

  /**
   * Signs under the key `keys[at … at + length)`. All keys of a Mac have the same length, at most
   * 64.
   */
  sign(keys: Uint8Array, at: number, length: number): Uint8Array {
    if (length > BLOCK_BYTES) throw new RangeError("A key is longer than a block");
    const inner = this.#inner;
    const outer = this.#outer;
    for (let i = 0; i < length; i++) {
      const byte = keys[at + i]!;
      inner[i] = byte ^ INNER_PAD;
      outer[i] = byte ^ OUTER_PAD;
    }
    sha256(inner, this.#innerDigest);
    sha256(outer, this.digest);
    return this.digest;
  }
}

/** HMAC-SHA-256 of one message under one key of any length. */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  if (key.length > BLOCK_BYTES) {
    const short = new Uint8Array(DIGEST_BYTES);
    sha256(key, short);
    return hmac(short, message);
  }
  return new Mac(message).sign(key, 0, key.length);
}
