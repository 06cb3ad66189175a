/** The work that no event asks for: at once when something happened, one at a time, seldom otherwise. */

import { expect, test } from "bun:test";
import { Upkeep } from "../../src/control-plane/upkeep.ts";

test("Upkeep.now() works at once, and once more for all that happens meanwhile", async () => {
  let works = 0;
  let working = 0;
  const gate = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const upkeep = new Upkeep(async () => {
    works++;
    expect(++working).toBe(1);
    await gate.promise;
    working--;
    if (works === 2) done.resolve();
    return false;
  });
  upkeep.now();
  expect(works).toBe(1);
  for (let i = 0; i < 5; i++) upkeep.now();
  gate.resolve();
  await done.promise;
  await Bun.sleep(20);
  expect(works).toBe(2);
  upkeep.stop();
});

test("Upkeep works again within seconds while something waits", async () => {
  let works = 0;
  const again = Promise.withResolvers<void>();
  const upkeep = new Upkeep(async () => {
    if (++works === 2) again.resolve();
    return works === 1;
  });
  upkeep.now();
  await again.promise;
  upkeep.stop();
}, 20_000);

test("Upkeep.stop() ends it for good", async () => {
  let works = 0;
  const upkeep = new Upkeep(async () => ++works > 0);
  upkeep.stop();
  upkeep.now();
  await Bun.sleep(20);
  expect(works).toBe(0);
});
