/** Whether an address lies in one of many prefixes, in words and without allocation. */

import { type Family, maskAddress, type Prefix } from "../core/address.ts";

const WORDS = 4;

/** The prefixes of one length, as rows of four words in ascending order. */
interface Rows {
  readonly mask: Uint32Array;
  readonly words: Uint32Array;
}

/** Prefixes of one family. A look-up costs one binary search for each different prefix length. */
class FamilyTable {
  readonly #lengths: readonly Rows[];

  constructor(family: Family, prefixes: readonly Prefix[]) {
    const own = prefixes.filter((prefix) => prefix.address.family === family);
    const lengths = [...new Set(own.map((prefix) => prefix.bits))].toSorted((a, b) => b - a);
    this.#lengths = lengths.map((bits) => rows(family, bits, own));
  }

  has(a0: number, a1: number, a2: number, a3: number): boolean {
    // By index: a `for … of` would allocate an iterator for each packet.
    for (let i = 0; i < this.#lengths.length; i++) {
      const { mask, words } = this.#lengths[i]!;
      const m0 = (a0 & mask[0]!) >>> 0;
      const m1 = (a1 & mask[1]!) >>> 0;
      const m2 = (a2 & mask[2]!) >>> 0;
      const m3 = (a3 & mask[3]!) >>> 0;
      let low = 0;
      let high = words.length / WORDS;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const at = middle * WORDS;
        const order =
          words[at]! - m0 || words[at + 1]! - m1 || words[at + 2]! - m2 || words[at + 3]! - m3;
        if (order === 0) return true;
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    }
    return false;
  }
}

function rows(family: Family, bits: number, prefixes: readonly Prefix[]): Rows {
  const ones = 0xffff_ffff;
  const mask = maskAddress({ family, a0: ones, a1: ones, a2: ones, a3: ones }, bits);
  const sorted = prefixes
    .filter((prefix) => prefix.bits === bits)
    .map((prefix) => maskAddress(prefix.address, bits))
    .toSorted((a, b) => a.a0 - b.a0 || a.a1 - b.a1 || a.a2 - b.a2 || a.a3 - b.a3);
  return {
    mask: Uint32Array.of(mask.a0, mask.a1, mask.a2, mask.a3),
    words: Uint32Array.from(sorted.flatMap(({ a0, a1, a2, a3 }) => [a0, a1, a2, a3])),
  };
}

/** An immutable set of prefixes of both families. */
export class PrefixTable {
  readonly #table4: FamilyTable;
  readonly #table6: FamilyTable;

  constructor(prefixes: readonly Prefix[]) {
    this.#table4 = new FamilyTable(4, prefixes);
    this.#table6 = new FamilyTable(6, prefixes);
  }

  /**
   * Whether a prefix covers the address in these words (an IPv4 address is in `a0`, the others are
   * 0).
   */
  has(family: Family, a0: number, a1: number, a2: number, a3: number): boolean {
    return (family === 4 ? this.#table4 : this.#table6).has(a0, a1, a2, a3);
  }
}
