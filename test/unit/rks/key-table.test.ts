/** The table of keys: every key that goes in comes out, in one thread and in another. */

import { describe, expect, test } from "bun:test";
import { KeyTable } from "../../../src/rks/key-table.ts";

function keyOf(i: number): Uint8Array {
  return new Uint8Array(32).fill(i & 255).fill(i >> 8, 16);
}

const DEVICES = Array.from({ length: 3_000 }, (_, i) => ({
  user: `user${i % 1_000}`,
  device: ["laptop", "phone", "default"][Math.floor(i / 1_000)]!,
  key: keyOf(i),
}));

describe("KeyTable", () => {
  const table = KeyTable.from(DEVICES);

  test("gives back every device and its key", () => {
    expect(table.length).toBe(DEVICES.length);
    for (const [row, { user, device, key }] of DEVICES.entries()) {
      expect(table.at(row)).toEqual({ user, device, key });
      expect([table.user(row), table.find(user, device)]).toEqual([user, row]);
    }
  });

  test("find() answers −1 for whom nobody entered", () => {
    const absent = [
      ["user1000", "laptop"],
      ["user1", "lapto"],
      ["user", "1/laptop"],
      ["", ""],
    ] as const;
    expect(absent.map(([user, device]) => table.find(user, device))).toEqual([-1, -1, -1, -1]);
    expect(KeyTable.from([]).find("user1", "laptop")).toBe(-1);
  });

  test("find() goes on to the next of equal names until one is accepted", () => {
    const twice = KeyTable.from([DEVICES[0]!, DEVICES[1]!, { ...DEVICES[0]!, key: keyOf(9) }]);
    const seen: number[] = [];
    const row = twice.find("user0", "laptop", (at) => (seen.push(at), at === 2));
    expect([row, seen]).toEqual([2, [0, 2]]);
  });

  test("crosses threads without a copy", () => {
    const crossed = new KeyTable(structuredClone(table.memory));
    table.key(7)[0] = 0xab;
    expect(crossed.key(7)[0]).toBe(0xab);
    table.key(7)[0] = keyOf(7)[0]!;
    expect(crossed.find("user7", "phone")).toBe(1_007);
  });

  test("refuses a key of another length, which would move all keys behind it", () => {
    expect(() => KeyTable.from([{ ...DEVICES[0]!, key: new Uint8Array(31) }])).toThrow(RangeError);
  });
});
