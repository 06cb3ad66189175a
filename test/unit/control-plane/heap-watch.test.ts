import { expect, test } from "bun:test";
import { join } from "node:path";
import { HeapWatch } from "../../../src/control-plane/heap-watch.ts";
import { run } from "../../support/programs.ts";

const MB = 1 << 20;
const MODULE = join(import.meta.dir, "../../../src/control-plane/heap-watch.ts");

test("HeapWatch collects where a megabyte was added since the last time, and only there", () => {
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
  expect([10 * MB, 10.9 * MB, 11 * MB, 9.9 * MB, 10 * MB].map(lookAt)).toEqual([0, 0, 1, 1, 2]);
  // The engine has collected by itself.
  expect([5 * MB, 5.9 * MB, 6 * MB].map(lookAt)).toEqual([2, 2, 3]);
});

test("HeapWatch looks every few seconds while the thread works, and seldom while it rests", () => {
  let held = 10 * MB;
  const watch = new HeapWatch(
    () => held,
    () => (held = 9 * MB),
  );
  const pauseAfter = (bytes: number) => {
    held += bytes;
    return watch.look() / 1_000;
  };
  expect([0.5, 0.1, 0.05, 0, 0.05, 0, 0].map((mb) => pauseAfter(mb * MB))).toEqual([
    3, 6, 12, 24, 48, 60, 60,
  ]);
  expect([0.2, 0.2, 0.2].map((mb) => pauseAfter(mb * MB))).toEqual([3, 3, 3]);
});

/** In a process of its own: what other tests left would count, and so would what their calls still have on the stack. */
const SCRIPT = `
  import { HeapWatch } from ${JSON.stringify(MODULE)};
  const leave = async (n) => Array.from({ length: n }, (_, i) => ({ atMs: i, text: "event " + i })).length;
  const watch = new HeapWatch();
  const before = process.memoryUsage().heapUsed;
  await leave(100_000);
  const full = process.memoryUsage().heapUsed;
  await new Promise(setImmediate); // an empty stack
  watch.look();
  console.log(full - before, process.memoryUsage().heapUsed - before);
`;

test("HeapWatch gives back what a hundred thousand events leave", () => {
  const [left, kept] = run([process.execPath, "-e", SCRIPT]).out.split(" ").map(Number);
  expect(left).toBeGreaterThan(4 * MB);
  expect(kept).toBeLessThan(2 * MB);
});
