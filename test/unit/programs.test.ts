/**
 * Tests start programs in one place only, and scripts/setup installs the packages of all these
 * programs.
 */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_OF, run } from "../support/programs.ts";

const HOME = "support/programs.ts";
/** Debian has them whether somebody asks or not (Essential: yes); Node is what scripts/setup itself begins with. */
const ESSENTIAL = new Set([
  "bash",
  "coreutils",
  "dash",
  "findutils",
  "mount",
  "nodejs",
  "util-linux",
]);

const TESTS = join(import.meta.dir, "..");
const files = readdirSync(TESTS, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && name !== HOME && name !== "unit/programs.test.ts",
);

test("tests start programs through test/support/programs.ts alone", () => {
  const elsewhere = files.filter((name) =>
    /Bun\.spawn|Bun\.\$|node:child_process/.test(readFileSync(join(TESTS, name), "utf8")),
  );
  expect(elsewhere).toEqual([]);
});

test("scripts/setup installs every package that a test starts a program of", () => {
  const setup = readFileSync(join(TESTS, "../scripts/setup"), "utf8");
  const listed = new Set(
    setup
      .match(/(?<=_packages=\()[^)]*/g)
      ?.join("\n")
      .replaceAll(/#.*$/gm, "")
      .split(/\s+/),
  );
  const missing = Object.entries(PACKAGE_OF).filter(
    ([, name]) => !ESSENTIAL.has(name) && !listed.has(name),
  );
  expect(missing).toEqual([]);
});

test("run() names the package of a program that is missing, and what one that failed said", () => {
  expect(() => run(["no-such-program"])).toThrow(
    "There is no program no-such-program on PATH: add its package to scripts/setup",
  );
  expect(() => run(["ip", "netns", "exec", "x", "no-such-program"])).toThrow("no-such-program");
  expect(() => run(["sh", "-c", "echo why >&2; exit 3"])).toThrow(/exited with 3: why/);
});
