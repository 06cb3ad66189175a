/**
 * The reader of keys.toml in our own form: it finds the same keys as the TOML parser, and nothing
 * else.
 */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatKeys, parseKeys } from "../../../src/keys/keys.ts";
import { readKeyTable, readKeyText } from "../../../src/keys/key-text.ts";

const NAME = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,31}$/);
const KEYS = fc.uniqueArray(
  fc.record(
    {
      user: NAME,
      device: NAME,
      key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      addedMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    },
    { requiredKeys: ["user", "device", "key"], noNullPrototype: true },
  ),
  { selector: ({ user, device }) => `${user}/${device}`, maxLength: 20 },
);

/** The keys that the reader yields, and whether it read the text to its end. */
function read(text: string) {
  const found = [];
  const reader = readKeyText(text);
  for (;;) {
    const { done, value } = reader.next();
    if (done === true) return { found, whole: value };
    found.push(value);
  }
}

describe("readKeyText()", () => {
  test("reads back what formatKeys() wrote, whatever the keys are", () => {
    fc.assert(
      fc.property(KEYS, (keys) => {
        expect(read(formatKeys(keys))).toEqual({ found: keys, whole: true });
      }),
    );
  });

  test("leaves every other text to the parser that tells what is wrong", () => {
    const text = formatKeys([
      { user: "alice", device: "laptop", key: new Uint8Array(32).fill(7), addedMs: 0 },
      { user: "bob", device: "phone", key: new Uint8Array(32).fill(8) },
    ]);
    for (const other of [
      text.replace("# Keys", "# keys"),
      text.replace("alice", "Alice"),
      text.replace('key = "', 'key  = "'),
      text.replace(/key = "A/, 'key = "1'),
      text.replace("1970-01-01T", "1970-13-01T"),
      text.replace('\n["bob', '\n # mine\n["bob'),
      `${text}\n`,
      `${text}[x]\n`,
      text.slice(0, -2),
    ]) {
      expect(other).not.toBe(text);
      expect(read(other).whole).toBe(false);
      expect(readKeyTable(other)).toBeUndefined();
    }
  });

  test("reads a hundred thousand keys, which a parser of every statement would take hours for", () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => {
      const key = new Uint8Array(32);
      new DataView(key.buffer).setUint32(28, i);
      return { user: `user${i}`, device: "default", key };
    });
    const table = readKeyTable(formatKeys(keys))!;
    expect(table.length).toBe(100_000);
    expect([table.find("user99999", "default"), table.key(99_999)]).toEqual([
      99_999,
      keys[99_999]!.key,
    ]);
  }, 60_000);
});

describe("readKeyTable()", () => {
  const key = (i: number) => new Uint8Array(32).fill(i);

  test("leaves two devices of one name, or with one key, to parseKeys(), which refuses them", () => {
    for (const twins of [
      [
        { user: "alice", device: "laptop", key: key(1) },
        { user: "bob", device: "laptop", key: key(2) },
        { user: "alice", device: "laptop", key: key(3) },
      ],
      [
        { user: "alice", device: "laptop", key: key(1) },
        { user: "bob", device: "laptop", key: key(1) },
      ],
    ]) {
      expect(readKeyTable(formatKeys(twins))).toBeUndefined();
      expect(() => parseKeys(formatKeys(twins))).toThrow(/keys\.toml/);
    }
  });

  test("does not take names or keys for equal that begin alike", () => {
    const alike = Array.from({ length: 64 }, (_, i) => ({
      user: "a".repeat(1 + (i % 8)),
      device: "a".repeat(1 + (i >> 3)),
      key: key(1).fill(i, 31),
    }));
    expect(readKeyTable(formatKeys(alike))?.length).toBe(64);
  });
});
