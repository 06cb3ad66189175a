/** A hash index from address words to small numbers, for keys that attackers choose. */

import type { Address } from "../core/address.ts";

/** Sixteen bytes of address and two of tag. */
const KEY_PARTS = 18;

/**
 * Finds the number (`id`, 0 to `capacity − 1`, given by the caller) of a key: an address and a
 * 16-bit tag.
 *
 * Open addressing with linear probing at a load of at most one half. Deletion moves later entries
 * back instead of leaving tombstones, so that churn does not slow it down. The hash is simple
 * tabulation over random tables of this instance: nobody outside can choose addresses that collide,
 * and with it linear probing is constant time (Pătraşcu and Thorup, "The Power of Simple Tabulation
 * Hashing").
 */
export class AddressIndex {
  /** Two to four buckets, the hash, four words and the tag. */
  static readonly BYTES_PER_KEY = 4 * 4 + 4 + 16 + 2;

  readonly #random = crypto.getRandomValues(new Uint32Array(KEY_PARTS * 256));
  readonly #mask: number;
  /** `id + 1`, or 0 for an empty bucket, so that fresh memory is an empty index. */
  readonly #buckets: Int32Array;
  readonly #hash: Uint32Array;
  readonly #words: Uint32Array;
  readonly #tags: Uint16Array;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
    this.#mask = size - 1;
    this.#buckets = new Int32Array(size);
    this.#hash = new Uint32Array(capacity);
    this.#words = new Uint32Array(capacity * 4);
    this.#tags = new Uint16Array(capacity);
  }

  /** The hash of a key, for `find` and `insert`. */
  hash(a0: number, a1: number, a2: number, a3: number, tag: number): number {
    const random = this.#random;
    let hash = mix(random, 0, a0);
    // All IPv4 addresses have zero in these words: any fixed value for them hashes as well.
    if ((a1 | a2 | a3) !== 0) {
      hash ^= mix(random, 1024, a1) ^ mix(random, 2048, a2) ^ mix(random, 3072, a3);
    }
    if (tag !== 0) hash ^= random[4096 + (tag & 255)]! ^ random[4352 + (tag >>> 8)]!;
    return hash >>> 0;
  }

  /** The id of the key, or −1. */
  find(hash: number, a0: number, a1: number, a2: number, a3: number, tag: number): number {
    const words = this.#words;
    for (let bucket = hash & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      const id = this.#buckets[bucket]! - 1;
      if (id < 0) return -1;
      const at = id * 4;
      if (
        this.#hash[id] === hash &&
        words[at] === a0 &&
        words[at + 1] === a1 &&
        words[at + 2] === a2 &&
        words[at + 3] === a3 &&
        this.#tags[id] === tag
      ) {
        return id;
      }
    }
  }

  /** Enters a key that is not in the index, under an id that is not in the index. */
  insert(
    id: number,
    hash: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    tag: number,
  ): void {
    this.#hash[id] = hash;
    const at = id * 4;
    this.#words[at] = a0;
    this.#words[at + 1] = a1;
    this.#words[at + 2] = a2;
    this.#words[at + 3] = a3;
    this.#tags[id] = tag;
    let bucket = hash & this.#mask;
    while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & this.#mask;
    this.#buckets[bucket] = id + 1;
  }

  /** Takes out an id that is in the index. */
  remove(id: number): void {
    const mask = this.#mask;
    const buckets = this.#buckets;
    let hole = this.#hash[id]! & mask;
    while (buckets[hole] !== id + 1) hole = (hole + 1) & mask;
    for (let bucket = (hole + 1) & mask; buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      const home = this.#hash[buckets[bucket]! - 1]! & mask;
      // An entry may fill the hole unless its home lies between the hole and itself.
      if (((bucket - home) & mask) >= ((bucket - hole) & mask)) {
        buckets[hole] = buckets[bucket]!;
        hole = bucket;
      }
    }
    buckets[hole] = 0;
  }

  /** The address under an id. */
  addressOf(id: number, family: Address["family"]): Address {
    const at = id * 4;
    return {
      family,
      a0: this.#words[at]!,
      a1: this.#words[at + 1]!,
      a2: this.#words[at + 2]!,
      a3: this.#words[at + 3]!,
    };
  }
}

function mix(random: Uint32Array, at: number, word: number): number {
  return (
    random[at + (word & 255)]! ^
    random[at + 256 + ((word >>> 8) & 255)]! ^
    random[at + 512 + ((word >>> 16) & 255)]! ^
    random[at + 768 + (word >>> 24)]!
  );
}
