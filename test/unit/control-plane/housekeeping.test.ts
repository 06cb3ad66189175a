/** Work that no event starts: at once after an event, one run at a time, seldom otherwise. */

import { expect, test } from "bun:test";
import { Housekeeping } from "../../../src/control-plane/housekeeping.ts";

test("Housekeeping.now() works at once, and once more for all that happens meanwhile", async () => {
  let works = 0;
  let working = 0;
  const gate = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const housekeeping = new Housekeeping(async () => {
    works++;
    expect(++working).toBe(1);
    await gate.promise;
    working--;
    if (works === 2) done.resolve();
    return false;
  });
  housekeeping.now();
  expect(works).toBe(1);
  for (let i = 0; i < 5; i++) housekeeping.now();
  gate.resolve();
  await done.promise;
  await Bun.sleep(20);
  expect(works).toBe(2);
  housekeeping.stop();
});

test("Housekeeping works again within seconds while something waits", async () => {
  let works = 0;
  const again = Promise.withResolvers<void>();
  const housekeeping = new Housekeeping(async () => {
    if (++works === 2) again.resolve();
    return works === 1;
  });
  housekeeping.now();
  await again.promise;
  housekeeping.stop();
}, 20_000);

test("Housekeeping.stop() ends it for good", async () => {
  let works = 0;
  const housekeeping = new Housekeeping(async () => ++works > 0);
  housekeeping.stop();
  housekeeping.now();
  await Bun.sleep(20);
  expect(works).toBe(0);
});
