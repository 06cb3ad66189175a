/** The library for authors of other clients, as `scripts/package --rks1` makes it: in Node, in Bun, and without either. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import vectors from "../../../docs/rks-vectors.json" with { type: "json" };
import * as library from "../../../src/rks/library.ts";
import { portableSha256 } from "../../../src/rks/sha256.ts";
import type * as Declared from "../../../src/standalone/rks1/rks1.d.ts";
import { run } from "../../support/programs.ts";

const ROOT = resolve(import.meta.dir, "../../..");

// Both ways: every declaration exists as declared, and everything that exists is declared.
library satisfies typeof Declared;
undefined as unknown as typeof Declared satisfies Record<keyof typeof library, unknown>;

let project = "";
beforeAll(() => {
  run([join(ROOT, "scripts/package"), "--rks1"]);
  project = mkdtempSync(join(tmpdir(), "sallyport-rks1-"));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(join(ROOT, "dist/rks1"), join(project, "node_modules/rks1"));
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

/** Runs a program as a project would that depends on the package. */
function start(runtime: string, program: string): string {
  const path = join(project, "program.mjs");
  writeFileSync(path, program);
  return run([runtime, path]).out;
}

const EVERY_VECTOR = `
const print = console.log;
const vectors = ${JSON.stringify(vectors)};
BEFORE
const rks = await import("rks1");
const read = rks.decodeBase32;
print(JSON.stringify({
  ports: vectors.sequences.map((v) => [...rks.sequencePorts(read(v.key), v.door, { lo: v.lo, hi: v.hi, ports: v.n }, v.slot)]),
  keys: vectors.serverKeys.map((v) => rks.encodeBase32(rks.serverKey(read(v.master), v.server))),
  host: rks.parseProfileLink("rks1://alice@[fd00::1]/ssh?key=" + vectors.sequences[0].key + "&opens=22%2Ftcp").host,
}));`;

/** Globals that Node has, but a browser or an app lacks. */
const BARE =
  'for (const name of ["Buffer", "process", "Bun", "URLSearchParams", "URL", "crypto"]) delete globalThis[name];';

test.each([
  ["Node", "node", ""],
  ["Bun", join(ROOT, "scripts/bun"), ""],
  ["an engine that has the language alone", "node", BARE],
])("rks1 draws and derives what is published, in %s", (_, runtime, before) => {
  expect(JSON.parse(start(runtime, EVERY_VECTOR.replace("BEFORE", before)))).toEqual({
    ports: vectors.sequences.map(({ ports }) => ports),
    keys: vectors.serverKeys.map(({ key }) => key),
    host: "fd00::1",
  });
});

test("the lines of its README work", () => {
  const readme = readFileSync(join(ROOT, "dist/rks1/README.md"), "utf8");
  const [, lines = ""] = /```js\n([^]*?)```/.exec(readme) ?? [];
  const { key } = vectors.sequences[0]!;
  const around = `const link = "rks1://alice@gate.example/ssh?key=${key}"; let lastUsed, used; const remember = async (slot) => { used = slot; };
${lines}
console.log(JSON.stringify([used === Math.floor(Date.now() / 30000), ports.length]));`;
  expect(JSON.parse(start("node", around))).toEqual([true, 8]);
});

test("portableSha256() is SHA-256, whatever the length", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(70_000).subarray(0, 65_536));
  const [own, theirs] = [new Uint8Array(32), new Uint8Array(32)];
  for (const length of [...Array.from({ length: 200 }, (_, i) => i), 65_536]) {
    portableSha256(bytes.subarray(0, length), own);
    Bun.SHA256.hash(bytes.subarray(0, length), theirs);
    expect([length, ...own]).toEqual([length, ...theirs]);
  }
});
