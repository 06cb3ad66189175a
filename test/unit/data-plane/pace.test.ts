/** The pace of the data plane. */

import { expect, test } from "bun:test";
import { Pace } from "../../../src/data-plane/pace.ts";

/** Looks `everyMs` apart, each with `packets`; answers after how many it naps, or undefined. */
function looksUntilNap(pace: Pace, fromMs: number, everyMs: number, packets: number) {
  for (let look = 1; look <= 1_000; look++) {
    if (pace.after(packets, fromMs + look * everyMs) > 0) return look;
  }
  return undefined;
}

test("Pace.after() waits for nothing while a few clients knock", () => {
  const pace = new Pace();
  for (let knock = 0; knock < 100; knock++) {
    for (let packet = 0; packet < 48; packet++) {
      expect(pace.after(1, 10 * knock + packet * 0.03)).toBe(0);
    }
  }
});

test("Pace.after() waits for nothing at five thousand packets a second", () => {
  expect(looksUntilNap(new Pace(), 0, 0.2, 1)).toBeUndefined();
});

test("Pace.after() waits a third of a millisecond when packets keep waking the thread", () => {
  const pace = new Pace();
  expect(looksUntilNap(pace, 0, 0.02, 1)).toBeLessThanOrEqual(65);
  for (let look = 0; look < 100; look++) expect(pace.after(60, 2 + look * 0.3)).toBe(0.3);
});

test.each([
  [300_000, 0.3],
  [100_000, 0.3],
  [40_000, 0.6],
  [20_000, 1.2],
  [10_000, 2],
  [4_000, 2],
])("Pace.after() waits for some packets, and never long: %i a second", (perSecond, wanted) => {
  const pace = new Pace();
  looksUntilNap(pace, 0, 0.02, 1);
  let napMs = 0.3;
  for (let look = 0; look < 100; look++) {
    napMs = pace.after(Math.round((perSecond * napMs) / 1_000), 2 + look * 2);
    // Too few for the first nap is no end yet.
    if (napMs === 0) napMs = 0.3;
  }
  expect(napMs).toBeCloseTo(wanted, 1);
});

test("Pace.after() is awake again soon after the flood ends, and naps again only for another", () => {
  const pace = new Pace();
  looksUntilNap(pace, 0, 0.02, 1);
  expect(pace.after(2, 3)).toBeGreaterThan(0);
  expect(pace.after(2, 5)).toBe(0);
  expect(pace.after(1, 5.1)).toBe(0);
  looksUntilNap(pace, 10, 0.02, 1);
  expect(pace.after(0, 20)).toBeGreaterThan(0);
  expect(pace.after(0, 22)).toBe(0);
});

test("Pace.after() stays in a flood that pauses for one nap", () => {
  const pace = new Pace();
  looksUntilNap(pace, 0, 0.02, 1);
  for (let look = 0; look < 100; look++) {
    expect(pace.after(look % 2 === 0 ? 0 : 30, 2 + look)).toBeGreaterThan(0);
  }
});

test("Pace.after() is not moved by looks that find nothing", () => {
  const pace = new Pace();
  for (let look = 0; look < 1_000; look++) expect(pace.after(0, look * 0.01)).toBe(0);
});

test("Pace.after() does not wait while more packets wait", () => {
  const pace = new Pace();
  looksUntilNap(pace, 0, 0.02, 1);
  expect(pace.after(512, 3)).toBe(0);
  expect(pace.after(511, 3.6)).toBe(0.3);
});
