import { expect, test } from "bun:test";
import { HeapWatch } from "../../../src/control-plane/heap-watch.ts";

const MB = 1 << 20;

test("HeapWatch collects where two megabytes were added since the last time, and only there", () => {
  let held = 10 * MB;
  let collected = 0;
  const watch = new HeapWatch(
    () => held,
    () => {
      collected++;
      held = 9 * MB;
    },
  );
  const lookAt = (bytes: number) => {
    held = bytes;
    watch.look();
    return collected;
  };
  expect([10 * MB, 11.9 * MB, 12 * MB, 10 * MB, 11 * MB].map(lookAt)).toEqual([0, 0, 1, 1, 2]);
  // The engine has collected by itself.
  expect([5 * MB, 6.9 * MB, 7 * MB].map(lookAt)).toEqual([2, 2, 3]);
});

test("HeapWatch gives back what a thousand events leave", () => {
  const watch = new HeapWatch();
  const before = process.memoryUsage().heapUsed;
  let events = Array.from({ length: 100_000 }, (_, i) => ({ atMs: i, text: `event ${i}` }));
  expect(events).toHaveLength(100_000);
  events = [];
  watch.look();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * MB);
});
