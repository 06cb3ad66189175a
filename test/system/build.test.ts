/** A build of the same tree is the same file, wherever and by whomever it is built. */

import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "../support/programs.ts";

const TREE = resolve(import.meta.dir, "../..");
/** Everything that goes into a build. */
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

/** The checksum of the file that `scripts/build` makes of a copy of the tree, written to `name`. */
function build(copy: string, argument: string, name: string): string {
  const at = join(folder, copy);
  mkdirSync(at, { recursive: true });
  // Links into another tree would be followed, and its path would make a difference.
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
