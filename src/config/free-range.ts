/** A knock range without certain ports. Pure. */

import type { KnockSpace } from "../rks/space.ts";

/** Most services that people start listen below this. */
const LOWEST = 10_000;
const HIGHEST = 65_535;

type Range = Pick<KnockSpace, "lo" | "hi">;

/**
 * As wide as `present` or at least half as wide, and as near to it as possible. Undefined where
 * there is none: a narrower range makes knocks much easier to guess.
 */
export function freeRange({ lo, hi }: Range, taken: Iterable<number>): Range | undefined {
  const width = hi - lo + 1;
  const borders = [LOWEST - 1, ...[...taken].filter(isInside), HIGHEST + 1].sort((a, b) => a - b);
  const gaps = borders.slice(1).map((end, i) => ({ lo: borders[i]! + 1, hi: end - 1 }));
  const wide = gaps.map((gap) => ({ gap, wide: Math.min(width, gap.hi - gap.lo + 1) }));
  const widest = Math.max(...wide.map((one) => one.wide));
  if (widest < width / 2) return undefined;
  const near = wide
    .filter((one) => one.wide === widest)
    .map(({ gap }) => {
      const from = Math.min(Math.max(lo, gap.lo), gap.hi - widest + 1);
      return { lo: from, hi: from + widest - 1 };
    })
    .sort((a, b) => Math.abs(a.lo - lo) - Math.abs(b.lo - lo));
  return near[0];
}

function isInside(port: number): boolean {
  return port >= LOWEST && port <= HIGHEST;
}
