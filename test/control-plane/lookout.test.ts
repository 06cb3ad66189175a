/** When the control plane looks who came close: after knocks, as long as there is more, never in silence. */

import { expect, test } from "bun:test";
import { Lookout } from "../../src/control-plane/lookout.ts";

/** A lookout whose looks answer what `answers` says, then false; `looked(n)` resolves with the nth look. */
function stage(...answers: readonly boolean[]) {
  const waiting = new Map<number, () => void>();
  let looks = 0;
  const lookout: Lookout = new Lookout(async () => {
    const answer = answers[looks++] ?? false;
    waiting.get(looks)?.();
    return answer;
  }, 1);
  const looked = (n: number) => new Promise<void>((resolve) => waiting.set(n, resolve));
  return { lookout, looked, looks: () => looks };
}

/** Time for many looks, had there been a reason for one. */
const aWhile = () => Bun.sleep(50);

test("Lookout looks once when knocks were heard, and then rests until the next", async () => {
  const { lookout, looked, looks } = stage();
  const first = looked(1);
  lookout.heard();
  await first;
  await aWhile();
  expect(looks()).toBe(1);
  const second = looked(2);
  lookout.heard();
  await second;
});

test("Lookout looks again, once, for all that was heard while it waited: no try is missed", async () => {
  const { lookout, looked, looks } = stage();
  const second = looked(2);
  for (let i = 0; i < 10; i++) lookout.heard();
  await second;
  await aWhile();
  expect(looks()).toBe(2);
});

test("Lookout looks again while there may be more", async () => {
  const { lookout, looked, looks } = stage(true, true);
  const third = looked(3);
  lookout.heard();
  await third;
  await aWhile();
  expect(looks()).toBe(3);
});

test("Lookout looks again for a knock heard during a look, whose try was not over then", async () => {
  let looks = 0;
  const { promise: again, resolve } = Promise.withResolvers<void>();
  const lookout: Lookout = new Lookout(async () => {
    if (++looks === 1) lookout.heard();
    else resolve();
    return false;
  }, 1);
  lookout.heard();
  await again;
  await aWhile();
  expect(looks).toBe(2);
});

test("Lookout.stop() ends it, whatever is heard later", async () => {
  const { lookout, looks } = stage();
  lookout.heard();
  lookout.stop();
  lookout.heard();
  await aWhile();
  expect(looks()).toBe(0);
});
