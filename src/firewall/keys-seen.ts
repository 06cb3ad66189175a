/** The keys of a listing, as numbers: whether one comes twice is asked for every element of large sets. */

/** Odd multipliers of two hashes that differ in every bit (FNV's prime, and the golden ratio). */
const PRIME_A = 0x0100_0193;
const PRIME_B = 0x9e37_79b1;

export class KeysSeen {
  readonly #seen = new Set<number>();
  /** Another one after each `clear`: two keys mistaken for one are told apart the next time. */
  #start = newStart();

  /**
   * Whether the key, `length` bytes at `at` (a multiple of 4), is new. By 53 bits of hash: of 60,000
   * keys two are mistaken for one in one of five million listings.
   */
  add(view: DataView, at: number, length: number): boolean {
    let a = this.#start;
    let b = this.#start;
    for (let end = at + length; at + 4 <= end; at += 4) {
      const word = view.getUint32(at, true);
      a = Math.imul(a ^ word, PRIME_A);
      a ^= a >>> 15;
      b = Math.imul(b ^ word, PRIME_B);
      b ^= b >>> 13;
    }
    const before = this.#seen.size;
    this.#seen.add((a >>> 0) * 0x20_0000 + (b >>> 11));
    return this.#seen.size > before;
  }

  clear(): void {
    this.#seen.clear();
    this.#start = newStart();
  }
}

function newStart(): number {
  return (Math.random() * 0x1_0000_0000) | 0;
}
