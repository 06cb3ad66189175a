/**
 * When the control plane looks for sources that came close: after knocks, as long as there are
 * more, never in silence.
 */

import { expect, test } from "bun:test";
import { NearMissWatch } from "../../../src/control-plane/near-miss-watch.ts";

/**
 * A watch whose looks return `answers` in turn, then false; `looked(n)` resolves with the nth look.
 */
function stage(...answers: readonly boolean[]) {
  const waiting = new Map<number, () => void>();
  let looks = 0;
  const nearMissWatch: NearMissWatch = new NearMissWatch(async () => {
    const answer = answers[looks++] ?? false;
    waiting.get(looks)?.();
    return answer;
  }, 1);
  const looked = (n: number) => new Promise<void>((resolve) => waiting.set(n, resolve));
  return { nearMissWatch, looked, looks: () => looks };
}

/** Time for many looks, had there been a reason for one. */
const aWhile = () => Bun.sleep(50);

test("NearMissWatch looks once when knocks were heard, and then rests until the next", async () => {
  const { nearMissWatch, looked, looks } = stage();
  const first = looked(1);
  nearMissWatch.heard();
  await first;
  await aWhile();
  expect(looks()).toBe(1);
  const second = looked(2);
  nearMissWatch.heard();
  await second;
});

test("NearMissWatch looks again, once, for all that was heard while it waited: no try is missed", async () => {
  const { nearMissWatch, looked, looks } = stage();
  const second = looked(2);
  for (let i = 0; i < 10; i++) nearMissWatch.heard();
  await second;
  await aWhile();
  expect(looks()).toBe(2);
});

test("NearMissWatch looks again while there may be more", async () => {
  const { nearMissWatch, looked, looks } = stage(true, true);
  const third = looked(3);
  nearMissWatch.heard();
  await third;
  await aWhile();
  expect(looks()).toBe(3);
});

test("NearMissWatch looks again for a knock heard during a look, whose try was not over then", async () => {
  let looks = 0;
  const { promise: again, resolve } = Promise.withResolvers<void>();
  const nearMissWatch: NearMissWatch = new NearMissWatch(async () => {
    if (++looks === 1) nearMissWatch.heard();
    else resolve();
    return false;
  }, 1);
  nearMissWatch.heard();
  await again;
  await aWhile();
  expect(looks).toBe(2);
});

test("NearMissWatch.stop() ends it, whatever is heard later", async () => {
  const { nearMissWatch, looks } = stage();
  nearMissWatch.heard();
  nearMissWatch.stop();
  nearMissWatch.heard();
  await aWhile();
  expect(looks()).toBe(0);
});
