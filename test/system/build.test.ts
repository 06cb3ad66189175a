/** A build of the same tree is the same file, wherever and by whomever it is built. */

import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };
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
  "config.toml",
  "docs",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
];
const folder = mkdtempSync(join(tmpdir(), "sallyport-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the tree: runs scripts in it, and hashes the files that come of them. */
function copyOf(name: string) {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  // Links into another tree would be followed, and its path would make a difference.
  for (const part of PARTS) cpSync(join(TREE, part), join(at, part), { recursive: true });
  symlinkSync(join(TREE, ".tools"), join(at, ".tools"));
  // A clone dates the files of packages by its commit and names its author; a copy is no clone.
  const env = {
    ...process.env,
    SOURCE_DATE_EPOCH: "1767225600",
    DEBFULLNAME: "A Maintainer",
    DEBEMAIL: "maintainer@gate.example",
  };
  return {
    run: (script: string, ...argv: string[]) => run([join(at, script), ...argv], { env }),
    hash: (made: string) => Bun.SHA256.hash(readFileSync(join(at, "dist", made)), "hex"),
  };
}

test("scripts/build and scripts/package make the same bytes in another folder, at another time", () => {
  const [here, there] = [copyOf("a"), copyOf("b/of/another/length")];
  const { version } = manifest;
  const deb = `sallyport_${version}_${arch() === "x64" ? "amd64" : arch()}.deb`;
  const archive = `sallyport-${version}-linux-${arch()}.tar.gz`;
  here.run("scripts/build", "--host");
  const host = here.hash("sallyport");
  for (const copy of [here, there]) {
    copy.run("scripts/build", arch());
    expect(copy.hash(`sallyport-linux-${arch()}`)).toBe(host);
    copy.run("scripts/package", "--deb", "--quick", "--built");
    copy.run("scripts/package", "--tar", "--quick", "--built", arch());
  }
  for (const made of [deb, archive, "SHA256SUMS"]) expect(there.hash(made)).toBe(here.hash(made));
}, 400_000);
