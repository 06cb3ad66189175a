/** The table of sources: finding, forgetting, and which source is forgotten first. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AddressIndex } from "../../../src/match/address-index.ts";
import { SourceTable } from "../../../src/match/source-table.ts";
import { seeded } from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

/** The contract of the table, in plain lists: oldest first. */
class NaiveTable {
  sources: { key: string; prefix: string }[] = [];
  evicted = 0;

  readonly #capacity: number;
  readonly #quota: number;

  constructor(capacity: number, quota: number) {
    this.#capacity = capacity;
    this.#quota = quota;
  }

  admit(key: string, prefix: string): void {
    const crowd = this.sources.filter((source) => source.prefix === prefix);
    const out = crowd.length >= this.#quota ? crowd[0] : undefined;
    const gone = out ?? (this.sources.length >= this.#capacity ? this.sources[0] : undefined);
    if (gone !== undefined) {
      this.sources = this.sources.filter((source) => source !== gone);
      this.evicted++;
    }
    this.sources.push({ key, prefix });
  }

  renew(key: string): void {
    const found = this.sources.find((source) => source.key === key)!;
    this.sources = [...this.sources.filter((source) => source !== found), found];
  }

  remove(key: string): void {
    this.sources = this.sources.filter((source) => source.key !== key);
  }
}

test.each([4, 6] as const)(
  "SourceTable remembers and forgets as plain lists would (IPv%i)",
  (family) => {
    const operation = fc.record({
      what: fc.constantFrom("hit", "hit", "hit", "remove"),
      network: fc.nat({ max: 3 }),
      host: fc.nat({ max: 5 }),
      tag: fc.constantFrom(0, 0, 1, 65_535),
    });
    let evicted = 0;
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 50, maxLength: 200 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        (operations, capacity, quota) => {
          const table = new SourceTable(family, { capacity, perPrefix64: quota });
          const naive = new NaiveTable(capacity, family === 6 ? quota : Infinity);
          const owner = new Map<number, string>();
          for (const { what, network, host, tag } of operations) {
            const words: readonly [number, number, number, number] =
              family === 4
                ? [network * 2 ** 24 + host, 0, 0, 0]
                : [0x2001_0db8, network, (host << 30) >>> 0, host >> 2];
            const key = [...words, tag].join();
            const id = table.find(...words, tag);
            expect(id >= 0).toBe(naive.sources.some((source) => source.key === key));
            if (id >= 0) expect(owner.get(id)).toBe(key);
            if (what === "remove" && id >= 0) {
              table.remove(id);
              naive.remove(key);
            } else if (what === "hit" && id >= 0) {
              table.renew(id);
              naive.renew(key);
            } else if (what === "hit") {
              const given = table.admit(...words, tag);
              expect(given).toBeLessThan(capacity);
              owner.set(given, key);
              naive.admit(key, words.slice(0, 2).join());
            }
            expect(table.size).toBe(naive.sources.length);
            expect(table.evicted).toBe(naive.evicted);
          }
          evicted += naive.evicted;
        },
      ),
      { numRuns: rounds(1_000) },
    );
    expect(evicted).toBeGreaterThan(rounds(1_000));
  },
);

describe("SourceTable, full", () => {
  test("forgets the source not heard of for longest", () => {
    const table = new SourceTable(4, { capacity: 100, perPrefix64: 1 });
    for (let i = 0; i < 100; i++) table.admit(i, 0, 0, 0, 0);
    table.renew(table.find(0, 0, 0, 0, 0));
    table.admit(100, 0, 0, 0, 0);
    expect(table.find(0, 0, 0, 0, 0)).toBeGreaterThanOrEqual(0);
    expect(table.find(1, 0, 0, 0, 0)).toBe(-1);
    expect(table.evicted).toBe(1);
  });

  test("gives one /64 its quota and no more, at the cost of that /64 alone", () => {
    const table = new SourceTable(6, { capacity: 1_000, perPrefix64: 64 });
    for (let i = 0; i < 500; i++) table.admit(0x2001_0db8, i, 0, 1, 0);
    for (let i = 0; i < 100_000; i++) table.admit(0xfd00_0000, 7, i, i, 0);
    expect(table.size).toBe(564);
    for (let i = 0; i < 500; i++)
      expect(table.find(0x2001_0db8, i, 0, 1, 0)).toBeGreaterThanOrEqual(0);
    expect(table.find(0xfd00_0000, 7, 99_935, 99_935, 0)).toBe(-1);
    expect(table.find(0xfd00_0000, 7, 99_936, 99_936, 0)).toBeGreaterThanOrEqual(0);
  });
});

test("AddressIndex is as quick after a million insertions and deletions as at first", () => {
  const capacity = 1_024;
  const index = new AddressIndex(capacity);
  const random = seeded(5);
  const words = new Uint32Array(capacity);
  const put = (id: number) => {
    const word = Math.floor(random() * 2 ** 32);
    words[id] = word;
    index.insert(id, index.hash(word, 0, 0, 0, 0), word, 0, 0, 0, 0);
  };
  for (let id = 0; id < capacity; id++) put(id);
  for (let i = 0; i < 1_000_000; i++) {
    const id = Math.floor(random() * capacity);
    index.remove(id);
    put(id);
  }
  // Tombstones would have filled the buckets long since, and this search would never end.
  expect(index.find(index.hash(1, 2, 3, 4, 0), 1, 2, 3, 4, 0)).toBe(-1);
  for (const [id, word] of words.entries()) {
    expect(index.find(index.hash(word, 0, 0, 0, 0), word, 0, 0, 0, 0)).toBe(id);
  }
});

test("AddressIndex hashes differently in every instance, and spreads what an attacker would count up", () => {
  const one = new AddressIndex(16);
  const other = new AddressIndex(16);
  const hashes = (index: AddressIndex) =>
    Array.from({ length: 4_096 }, (_, i) => index.hash(0x2001_0db8, 0, 0, i, 0));
  expect(hashes(one)).not.toEqual(hashes(other));
  // 4,096 keys into 4,096 buckets leave about 1/e of them empty; a weak hash leaves most.
  const used = new Set(hashes(one).map((hash) => hash & 4_095)).size;
  expect(used).toBeGreaterThan(2_000);
});
