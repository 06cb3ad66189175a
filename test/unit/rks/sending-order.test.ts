/** The order in which a knock is sent. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { sendingOrder } from "../../../src/rks/sending-order.ts";

test("sendingOrder() holds every port, and again, with half a sequence between the two", () => {
  const ports = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 16 });
  const draws = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
  const ascending = (list: readonly number[]) => list.toSorted((x, y) => x - y);
  fc.assert(
    fc.property(ports, draws, (given, random) => {
      const order = sendingOrder(given, () => random.next().value!);
      expect(ascending(order.slice(0, given.length))).toEqual(ascending(given));
      expect(ascending(order.slice(given.length))).toEqual(ascending(given));
      for (const port of given) {
        const apart = order.lastIndexOf(port) - order.indexOf(port);
        expect(apart).toBeGreaterThan(given.length / 2);
      }
    }),
  );
});

test("sendingOrder() puts every port in every place about equally often", () => {
  const rounds = 12_000;
  const firsts = new Map<number, number>();
  const lasts = new Map<number, number>();
  for (let i = 0; i < rounds; i++) {
    const order = sendingOrder([1, 2, 3, 4], Math.random);
    firsts.set(order[0]!, (firsts.get(order[0]!) ?? 0) + 1);
    lasts.set(order[7]!, (lasts.get(order[7]!) ?? 0) + 1);
  }
  // 3,000 each expected, standard deviation 47: six of them either way.
  for (const count of [...firsts.values(), ...lasts.values()]) {
    expect(Math.abs(count - rounds / 4)).toBeLessThan(285);
  }
});
