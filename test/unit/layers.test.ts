/**
 * Compares the direction of imports (docs/architecture.md) with the real ones, type-only ones
 * included.
 */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../src");

/** The imports of each folder besides itself and `core`, and why the others are kept out. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [], // leaf types: everything stands on them
  native: [], // C libraries know nothing of knocks
  capture: ["native"],
  decode: [], // pure, so that it can be fuzzed without a network
  rks: [], // the specification; a client needs nothing else of the server
  match: ["rks"], // no clock and no I/O: every decision can be replayed
  firewall: ["native"],
  files: ["native"], // files of folders that may be somebody else's
  store: ["files"],
  config: ["rks", "files"],
  keys: ["rks", "files", "config"], // who may knock, and how strong that is with the doors there are
  api: [], // the state of a daemon, whoever asks
  client: ["rks", "files"], // needs no root and no C library
  page: ["rks"], // runs in a browser
  proxy: ["native"], // what becomes of a connection: nothing that knocks needs it
  agent: ["native", "client", "proxy"], // a proxy that stays, for programs that know of no knock
  standalone: [], // clients of one file each, in other languages
  "foreign-rules": ["native", "firewall", "config"], // the effect of other tables, whoever asks
  "data-plane": ["native", "capture", "decode", "rks", "match", "firewall", "config", "keys"], // the thread that opens doors
  "control-plane": [
    "native",
    "files",
    "rks",
    "match",
    "firewall",
    "foreign-rules",
    "store",
    "config",
    "keys",
    "api",
    "data-plane",
  ],
  service: ["files", "config", "control-plane"], // what a service manager reads
  // commands that need no daemon
  offline: [
    "native",
    "files",
    "capture",
    "decode",
    "match",
    "firewall",
    "store",
    "config",
    "data-plane",
    "control-plane",
  ],
  "import-knockd": ["config"], // pure: texts in, texts out
  doctor: ["native", "firewall", "foreign-rules", "config", "keys", "api", "control-plane"],
  init: ["files", "config", "keys", "control-plane", "service", "doctor"], // a machine set up, once
  cli: [
    "config",
    "keys",
    "client",
    "page",
    "proxy",
    "agent",
    "api",
    "control-plane",
    "service",
    "offline",
    "import-knockd",
    "doctor",
    "init",
  ],
};

/** Third-party modules are confined too: a parser or an FFI call has one home. */
const MODULE_HOMES: Record<string, readonly string[]> = {
  "bun:ffi": ["native"],
  "bun:sqlite": ["store"],
  "smol-toml": ["config", "keys"],
  hono: ["api"],
  "hono-openapi": ["api"],
  "@commander-js/extra-typings": ["cli"],
  commander: ["cli"],
  "@logtape/logtape": ["control-plane"],
};

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly specifier: string;
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\b[^"';]*?from\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']|new URL\(\s*["'](\.[^"']+)["']/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8").replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  return [...text.matchAll(IMPORT)].map((match) => ({
    file: relative(SRC, file),
    folder: relative(SRC, file).split("/")[0]!,
    specifier: (match[1] ?? match[2] ?? match[3])!,
  }));
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(SRC, name));
const imports = files.flatMap(importsOf);

function targetFolder(found: Import): string {
  return relative(SRC, resolve(SRC, dirname(found.file), found.specifier)).split("/")[0]!;
}

test("src/ holds only the folders of the architecture, and no loose file but main.ts", () => {
  const entries = readdirSync(SRC).filter((name) => name !== "main.ts");
  expect(entries.filter((name) => !(name in MAY_IMPORT))).toEqual([]);
});

test("every folder of src/ imports only what lies below it", () => {
  const wrong = imports
    .filter(
      (found) =>
        found.specifier.startsWith(".") && !/\/(package\.json|config\.toml)$/.test(found.specifier),
    )
    .filter((found) => found.file !== "main.ts")
    .filter((found) => {
      const target = targetFolder(found);
      return ![found.folder, "core", ...(MAY_IMPORT[found.folder] ?? [])].includes(target);
    })
    .map((found) => `${found.file} imports ${found.specifier}`);
  expect(wrong).toEqual([]);
});

test("every folder that may import another does", () => {
  const used = new Set(imports.map((found) => `${found.folder} → ${targetFolder(found)}`));
  const granted = Object.entries(MAY_IMPORT).flatMap(([folder, targets]) =>
    targets.map((target) => `${folder} → ${target}`),
  );
  expect(granted.filter((one) => !used.has(one))).toEqual([]);
});

test("a module with a home is imported nowhere else", () => {
  const wrong = imports
    .filter((found) => {
      const name = Object.keys(MODULE_HOMES).find(
        (module) => found.specifier === module || found.specifier.startsWith(`${module}/`),
      );
      return name !== undefined && !MODULE_HOMES[name]!.includes(found.folder);
    })
    .map((found) => `${found.file} imports ${found.specifier}`);
  expect(wrong).toEqual([]);
});

test("cli reaches the daemon only when a command runs, so that a client loads no C library", () => {
  const wrong = files
    .filter((file) => relative(SRC, file).startsWith("cli/"))
    .filter((file) =>
      /^import (?!type)[^;]*from "\.\.\/(page|proxy|agent|control-plane|service|offline|import-knockd|doctor|init)\//m.test(
        readFileSync(file, "utf8"),
      ),
    )
    .map((file) => relative(SRC, file));
  expect(wrong).toEqual([]);
});

test("every file of src/ begins with a line that says what it is for", () => {
  const bare = files.filter((file) => !readFileSync(file, "utf8").startsWith("/**"));
  expect(bare.map((file) => relative(SRC, file))).toEqual([]);
});
