/** The order in which the addresses of a host are knocked on. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { findTargets, interleaveFamilies } from "../../../src/client/targets.ts";
import { messageOf } from "../../../src/core/errors.ts";
import type { Target } from "../../../src/client/targets.ts";

const target = (address: string): Target => ({ address, family: address.includes(":") ? 6 : 4 });
const order = (addresses: string) =>
  interleaveFamilies(addresses.split(" ").filter(Boolean).map(target))
    .map(({ address }) => address)
    .join(" ");

const refusal = (promise: Promise<unknown>) => promise.then(() => "not refused", messageOf);

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["fd00::1 10.0.0.1", "fd00::1 10.0.0.1"],
  ["10.0.0.1 10.0.0.2 fd00::1", "10.0.0.1 fd00::1 10.0.0.2"],
  ["fd00::1 fd00::2 fd00::3 10.0.0.1", "fd00::1 10.0.0.1 fd00::2 fd00::3"],
  ["", ""],
])("interleaveFamilies(%j) is %j", (addresses, expected) => {
  expect(order(addresses)).toBe(expected);
});

test("interleaveFamilies() keeps every target once, the first one first, each family in its order", () => {
  const targets = fc.array(
    fc.record({ address: fc.string(), family: fc.constantFrom(4 as const, 6 as const) }),
  );
  fc.assert(
    fc.property(targets, (given) => {
      const mixed = interleaveFamilies(given);
      expect(mixed[0] === given[0]).toBe(true);
      for (const family of [4, 6] as const) {
        const of = (list: Target[]) => list.filter((each) => each.family === family);
        expect(of(mixed)).toEqual(of(given));
      }
    }),
  );
});

test("findTargets() answers a literal address as it is", async () => {
  expect(await findTargets("127.0.0.1", undefined)).toEqual([{ address: "127.0.0.1", family: 4 }]);
  expect(await findTargets("::1", 6)).toEqual([{ address: "::1", family: 6 }]);
});

test("findTargets() says that a host has no address of the family asked for", async () => {
  expect(await refusal(findTargets("127.0.0.1", 6))).toBe(
    "Cannot knock on 127.0.0.1 over IPv6: it has no such address: leave out -6",
  );
});

test("findTargets() says that a name does not exist", async () => {
  expect(await refusal(findTargets("nosuch.invalid", undefined))).toMatch(
    /^Cannot look up nosuch\.invalid: .*: check its spelling and this computer's DNS$/,
  );
});
