/** The vigil: after a sleep, and never for more than its share of a processor. */

import { expect, test } from "bun:test";
import { Vigil } from "../../src/daemon/vigil.ts";

test("Vigil.heard() asks for a rehearsal after a sleep, and not for packets that follow closely", () => {
  const vigil = new Vigil();
  expect(vigil.heard(10_000, 500)).toBe(true);
  expect(vigil.heard(10_001, 0.2)).toBe(false);
  expect(vigil.heard(10_100, 50)).toBe(true);
});

test("Vigil.heard() grants packets of strangers a hundredth of the time, however they are spaced", () => {
  const vigil = new Vigil();
  let spentMs = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 2.5) {
    if (!vigil.heard(nowMs, 2.4)) continue;
    vigil.spend(0.2);
    spentMs += 0.2;
  }
  expect(spentMs).toBeWithin(590, 610);
});

test("Vigil.heard() pays for a rehearsal that took long before it asks for the next", () => {
  const vigil = new Vigil();
  expect(vigil.heard(1_000, 500)).toBe(true);
  vigil.spend(23);
  expect(vigil.heard(2_000, 500)).toBe(false);
  expect(vigil.heard(4_000, 500)).toBe(true);
});
