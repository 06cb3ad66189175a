/** The folder of a test tells what it needs: nothing in test/unit waits for root, or for a namespace. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const NEEDS_ROOT = /\.(?:skip|if|skipIf|runIf)\(|support\/lab\.ts|enterNamespace\(/;

test("test/unit needs no root: no test there is skipped, and none makes a namespace", () => {
  const misplaced = readdirSync(import.meta.dir, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      name.endsWith(".test.ts") &&
      NEEDS_ROOT.test(readFileSync(join(import.meta.dir, name), "utf8")),
  );
  expect(misplaced).toEqual([]);
});
