/** Which hits of a source are kept while its packets arrive out of order. */

import { expect, test } from "bun:test";
import { RecentPorts } from "../../../src/match/recent-ports.ts";

const WINDOW_MS = 2_000;
const NOW = 1_800_000_000_000;

test("a packet that was under way for long takes no younger hit along when it is forgotten", () => {
  const recent = new RecentPorts(1, 4, WINDOW_MS);
  recent.hit(0, 7_000, NOW);
  recent.hit(0, 8_000, NOW - 1_071); // arrives after it, and was sent before
  // More than two windows after that one, and less after the other.
  expect(recent.hit(0, 8_000, NOW + 2_930)).toBe(2);
  expect(recent.hit(0, 8_000, NOW + 2_000)).toBe(2);
  expect(recent.together(0, Uint16Array.of(7_000, 8_000), 0, 2)).toBe(true);
});

test.each([3 * WINDOW_MS, 2 ** 31, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), -3 * WINDOW_MS])(
  "hits of %d ms ago are forgotten",
  (afterMs) => {
    const recent = new RecentPorts(1, 4, WINDOW_MS);
    recent.hit(0, 7_000, NOW);
    expect(recent.hit(0, 8_000, NOW + afterMs)).toBe(1);
  },
);
