/** The licenses in the packages: every bundled module, every library of Bun, and the texts they need. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { copyright } from "../../../scripts/packaging/copyright/copyright.ts";
import { bundledModules } from "../../../scripts/packaging/copyright/modules.ts";
import { linkedLibraries } from "../../../scripts/packaging/copyright/runtime.ts";

const repository = resolve(import.meta.dir, "../../..");
const { dependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const modules = await bundledModules(repository);
const text = await copyright();

test("bundledModules() finds what package.json asks for, and what that brings along", () => {
  const names = modules.map(({ name }) => name);
  // Types alone: nothing of it is in the executable.
  const typesOnly = "@commander-js/extra-typings";
  expect(names).toEqual(
    expect.arrayContaining(Object.keys(dependencies).filter((name) => name !== typesOnly)),
  );
  expect(names).toContain("@hono/standard-validator");
  expect(names).not.toContain(typesOnly);
});

test("every module is named with its version, license and holders", () => {
  for (const { name, version, holders } of modules) {
    expect(text).toContain(`  ${name} ${version}: `);
    for (const holder of holders) expect(text).toContain(` ${holder} (${name})`);
  }
  expect(text).toMatch(/ {2}smol-toml [\d.]+: BSD-3-clause/);
  expect(text).toContain("Squirrel Chat");
});

test("every license of a field has its text", () => {
  const named = [...text.matchAll(/^License: (.+)$/gm)].flatMap(([, names = ""]) =>
    names.split(" and "),
  );
  const [texts, uses] = [/^License: (\S+)\n /gm, new Set(named)];
  expect([...uses].toSorted()).toEqual(
    [...text.matchAll(texts)].map(([, name]) => name!).toSorted(),
  );
  expect(text).not.toMatch(/@[A-Z]+@/);
});

test("linkedLibraries() lists those that Bun's authors name, and refuses another version's list", () => {
  const libraries = linkedLibraries(repository, Bun.version);
  expect(libraries).toContainEqual({
    name: "tinycc",
    place: "https://github.com/tinycc/tinycc",
    license: "LGPL v2.1",
  });
  expect(libraries.map(({ name }) => name)).not.toContain("libuv (on Windows)");
  expect(() => linkedLibraries(repository, "0.0.1")).toThrow("pin both alike");
});
