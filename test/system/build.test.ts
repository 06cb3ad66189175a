/** Whoever builds the same tree gets the same file, wherever and as whatever it is built. */

import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "../support/programs.ts";

const TREE = resolve(import.meta.dir, "../..");
/** All that is built from. */
const PARTS = [
  "src",
  "scripts",
  "node_modules",
  "package.json",
  "bun.lock",
  "bunfig.toml",
  "tsconfig.json",
];
const folder = mkdtempSync(join(tmpdir(), "sallyport-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The checksum of what `scripts/build` makes of a copy of the tree, written to `name`. */
function build(copy: string, argument: string, name: string): string {
  const at = join(folder, copy);
  mkdirSync(at, { recursive: true });
  // Links into another tree would be followed, and where that lies is a difference of its own.
  for (const part of PARTS) cpSync(join(TREE, part), join(at, part), { recursive: true });
  symlinkSync(join(TREE, ".tools"), join(at, ".tools"));
  run([join(at, "scripts/build"), argument]);
  return Bun.SHA256.hash(readFileSync(join(at, "dist", name)), "hex");
}

test("scripts/build makes the same executable in another folder, at another time, for a release and for this machine", () => {
  const here = build("a", "--host", "sallyport");
  const there = build("b/of/another/length", arch(), `sallyport-linux-${arch()}`);
  expect(there).toBe(here);
});
