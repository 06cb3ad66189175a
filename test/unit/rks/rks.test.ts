/** RKS1 beyond its vectors: encodings, names, derivation at its edges, the forgery bound. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeBase32, encodeBase32 } from "../../../src/rks/base32.ts";
import { FORGERY_LIMIT, forgeryPerDay, portsNeeded } from "../../../src/rks/bound.ts";
import {
  isDoorName,
  isServerName,
  KEY_BYTES,
  MASTER_BYTES,
  newMaster,
  serverKey,
} from "../../../src/rks/key.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";
import { slotAt, slotStartMs } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE, SPACE_LIMITS } from "../../../src/rks/space.ts";
import type { KnockSpace } from "../../../src/rks/space.ts";
import { useId } from "../../../src/rks/use-id.ts";

const KEY = new Uint8Array(KEY_BYTES).fill(7);

describe("base32", () => {
  // RFC 4648 §10, without its padding.
  test.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ])("encodeBase32() and decodeBase32() agree with RFC 4648 on %j", (plain, text) => {
    expect(encodeBase32(new TextEncoder().encode(plain))).toBe(text);
    expect(decodeBase32(text.toLowerCase())).toEqual(new TextEncoder().encode(plain));
  });

  test("decodeBase32() reads back what encodeBase32() writes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    ["M"],
    ["MZX"],
    ["MZXW6Y"],
    ["MZ"],
    ["MY======"],
    ["M1"],
    ["MÝ"],
    ["M Y"],
    ["ſY"],
    ["mı"],
  ])("decodeBase32() refuses %j", (text) => {
    expect(decodeBase32(text)).toBeUndefined();
  });
});

describe("keys and names", () => {
  test("newMaster() is 32 bytes and never the same", () => {
    expect(newMaster()).toHaveLength(MASTER_BYTES);
    expect(newMaster()).not.toEqual(newMaster());
  });

  test("serverKey() differs by server and is HMAC-SHA-256 over the text of the specification", () => {
    const message = Buffer.concat([
      Buffer.from("RKS1"),
      Buffer.of(0),
      Buffer.from("server"),
      Buffer.of(0),
      Buffer.from("gate-7f3a"),
    ]);
    const expected = new Bun.CryptoHasher("sha256", KEY).update(message).digest();
    expect(serverKey(KEY, "gate-7f3a")).toEqual(expected);
    expect(serverKey(KEY, "gate-7f3b")).not.toEqual(expected);
  });

  test.each([
    ["ssh", true],
    ["game-server-01", true],
    ["x".repeat(63), true],
    ["x".repeat(64), false],
    ["", false],
    ["SSH", false],
    ["a.b", false],
    ["a\n", false],
  ])("isDoorName(%j) is %p", (name, right) => {
    expect(isDoorName(name)).toBe(right);
  });

  test.each([
    ["db-1.example.net", true],
    ["x".repeat(253), true],
    ["x".repeat(254), false],
    ["Gate", false],
    ["gate_1", false],
    ["gate\n", false],
  ])("isServerName(%j) is %p", (name, right) => {
    expect(isServerName(name)).toBe(right);
  });
});

describe("sequencePorts()", () => {
  test("draws n distinct ports inside the range, for every term that is allowed", () => {
    const { lo, ports, range } = SPACE_LIMITS;
    fc.assert(
      fc.property(
        fc.integer({ min: lo.min, max: 65_535 - range.min + 1 }),
        fc.integer({ min: range.min, max: range.max }),
        fc.integer({ min: ports.min, max: ports.max }),
        fc.maxSafeNat(),
        (low, width, n, slot) => {
          const hi = Math.min(65_535, low + width - 1);
          const drawn = sequencePorts(KEY, "ssh", { lo: low, hi, ports: n }, slot);
          expect(drawn).toHaveLength(n);
          expect(new Set(drawn).size).toBe(n);
          expect(Math.min(...drawn)).toBeGreaterThanOrEqual(low);
          expect(Math.max(...drawn)).toBeLessThanOrEqual(hi);
        },
      ),
    );
  });

  test("draws on over as many blocks as a narrow range needs, and refuses one too narrow", () => {
    const all = sequencePorts(KEY, "ssh", { lo: 100, hi: 399, ports: 300 }, 5);
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => 100 + i));
    expect(() => sequencePorts(KEY, "ssh", { lo: 100, hi: 399, ports: 301 }, 5)).toThrow(
      RangeError,
    );
  });

  test("is not biased towards low ports where 65536 is no multiple of the range", () => {
    const space = { lo: 1, hi: 40_000, ports: 16 };
    let low = 0;
    const slots = 4_000;
    for (let slot = 0; slot < slots; slot++) {
      low += sequencePorts(KEY, "ssh", space, slot).filter((port) => port <= 25_536).length;
    }
    // A draw modulo R alone would hit these ports 78 times in 100 instead of 64.
    expect(low / (slots * 16)).toBeCloseTo(25_536 / 40_000, 1);
    expect(low / (slots * 16)).toBeLessThan(0.66);
  });

  test("differs by key, door and slot, beyond 2^32 too", () => {
    const drawn = [
      sequencePorts(KEY, "ssh", DEFAULT_SPACE, 1),
      sequencePorts(KEY, "web", DEFAULT_SPACE, 1),
      sequencePorts(KEY, "ssh", DEFAULT_SPACE, 2),
      sequencePorts(KEY, "ssh", DEFAULT_SPACE, 1 + 2 ** 32),
      sequencePorts(
        KEY.map((byte) => byte + 1),
        "ssh",
        DEFAULT_SPACE,
        1,
      ),
    ].map((ports) => ports.join());
    expect(new Set(drawn).size).toBe(5);
  });
});

describe("useId()", () => {
  test("is 16 bytes, the same for the same use and different for every other", () => {
    const uses = [
      useId(KEY, "ssh", 1),
      useId(KEY, "ssh", 2),
      useId(KEY, "ssh", 1 + 2 ** 32),
      useId(KEY, "web", 1),
      useId(
        KEY.map((byte) => byte + 1),
        "ssh",
        1,
      ),
    ];
    expect(uses.every((use) => use.length === 16)).toBe(true);
    expect(new Set(uses.map((use) => use.toHex())).size).toBe(5);
    expect(useId(KEY, "ssh", 1)).toEqual(uses[0]!);
    // Pinned: the kernel and the store remember uses by it across versions.
    expect(useId(KEY, "ssh", 60_000_000).toHex()).toBe(
      new Bun.CryptoHasher("sha256")
        .update(Buffer.from("RKS1\0use\0ssh\0\0\0\0\0\x03\x93\x87\0", "latin1"))
        .update(KEY)
        .digest("hex")
        .slice(0, 32),
    );
  });
});

test.each([
  [0, 30, 0],
  [29_999.9, 30, 0],
  [30_000, 30, 1],
  [1_800_000_015_000, 30, 60_000_000],
  [-1, 30, -1],
])("slotAt(%p, %p) is %p, and its start is not later", (ms, step, slot) => {
  expect(slotAt(ms, step)).toBe(slot);
  expect(slotStartMs(slot, step)).toBeLessThanOrEqual(ms);
  expect(slotStartMs(slot + 1, step)).toBeGreaterThan(ms);
});

describe("forgeryPerDay() and portsNeeded()", () => {
  const door = (devices: number, space: Partial<KnockSpace> = {}) => ({
    door: "ssh",
    devices,
    space: { ...DEFAULT_SPACE, ...space },
  });

  test("is what docs/rks.md says of the defaults: 3.5e-12 for each valid sequence", () => {
    expect(forgeryPerDay([door(1)]) / 3).toBeCloseTo(3.5e-12, 13);
    expect(forgeryPerDay([door(95_000)])).toBeLessThanOrEqual(FORGERY_LIMIT);
    expect(forgeryPerDay([door(96_000)])).toBeGreaterThan(FORGERY_LIMIT);
    expect(portsNeeded([door(96_000)])).toBe(9);
    expect(portsNeeded([door(38_000_000)])).toBe(9);
    expect(portsNeeded([door(39_000_000)])).toBe(10);
  });

  test("adds up over doors, each with its own terms", () => {
    const doors = [door(10), door(5, { ports: 6, hi: 30_000, skew: 0 }), door(7, { slack: 0 })];
    const alone = doors.map((one) => forgeryPerDay([one]));
    expect(forgeryPerDay(doors)).toBeCloseTo(alone[0]! + alone[1]! + alone[2]!, 20);
    expect(forgeryPerDay([])).toBe(0);
    expect(forgeryPerDay([door(0)])).toBe(0);
  });

  test("portsNeeded() raises the doors with fewer ports and leaves the others as they are", () => {
    const doors = [door(10, { ports: 4 }), door(10, { ports: 12 })];
    const needed = portsNeeded(doors)!;
    const raised = (n: number) => [door(10, { ports: n }), door(10, { ports: 12 })];
    expect(forgeryPerDay(raised(needed))).toBeLessThanOrEqual(FORGERY_LIMIT);
    expect(forgeryPerDay(raised(needed - 1))).toBeGreaterThan(FORGERY_LIMIT);
  });

  test("portsNeeded() is what is in use where that is enough, and undefined where 16 are not", () => {
    expect(portsNeeded([door(1)])).toBe(8);
    expect(portsNeeded([door(1, { lo: 1, hi: 1_000, slack: 1_024 })])).toBeUndefined();
  });
});
