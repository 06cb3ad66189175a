import { expect, test } from "bun:test";
import { join } from "node:path";
import { HeapGrowth } from "../../../src/native/heap.ts";
import { run } from "../../support/programs.ts";

const SOURCES = join(import.meta.dir, "../../../src");
const MB = 1 << 20;

/** Prints what `expression` is once the process has no descriptor left; `modules` by their names below src. */
function withoutDescriptors(imports: string, expression: string): string {
  const script = `
    ${imports}
    import { openSync } from "node:fs";
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    const value = await (async () => ${expression})();
    console.log(JSON.stringify(value));
  `;
  const limited = `ulimit -n 64; exec "$0" -e "$1"`;
  return run(["/bin/sh", "-c", limited, process.execPath, script]).out.trim();
}

test("memory is unknown where no descriptor is free, and nothing throws", () => {
  expect(
    withoutDescriptors(
      `import { heapBytes, HeapGrowth, residentBytes } from ${JSON.stringify(join(SOURCES, "native/heap.ts"))};`,
      "[heapBytes() ?? null, residentBytes() ?? null, new HeapGrowth().isWorthwhile()]",
    ),
  ).toBe("[null,null,false]");
});

test("HeapGrowth counts from the first size that can be read", () => {
  let held: number | undefined;
  const growth = new HeapGrowth(() => held);
  const measureAt = (bytes: number | undefined) => {
    held = bytes;
    return growth.measure() / MB;
  };
  expect([undefined, 8 * MB, 10 * MB, undefined, 11 * MB].map(measureAt)).toEqual([0, 0, 2, 0, 3]);
  held = undefined;
  growth.collected();
  expect([9 * MB, 10 * MB].map(measureAt)).toEqual([0, 1]);
});
