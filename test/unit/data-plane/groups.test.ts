/** Groups of things against a slow list of pairs. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Groups } from "../../../src/data-plane/groups.ts";

test("Groups has what was added and not taken, in that order, for each key by itself", () => {
  const things = Array.from({ length: 5 }, (_, number) => ({ number }));
  const step = fc.record({ add: fc.boolean(), key: fc.constantFrom("a", "b"), thing: fc.nat(4) });
  const play = (steps: readonly { add: boolean; key: string; thing: number }[]) => {
    const groups = new Groups<{ number: number }>();
    let pairs: [string, number][] = [];
    for (const { add, key, thing } of steps) {
      const isOurs = ([otherKey, other]: [string, number]) => otherKey === key && other === thing;
      const has = pairs.some(isOurs);
      if (add && !has) {
        groups.add(key, things[thing]!);
        pairs.push([key, thing]);
      } else if (!add) {
        groups.take(key, things[thing]!);
        pairs = pairs.filter((pair) => !isOurs(pair));
      }
      for (const one of ["a", "b"]) {
        const wanted = pairs.filter(([other]) => other === one).map(([, number]) => number);
        expect(groups.of(one).map(({ number }) => number)).toEqual(wanted);
        expect(groups.has(one)).toBe(wanted.length > 0);
      }
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), play));
});
