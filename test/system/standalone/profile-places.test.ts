/** Where the clients of one file save a profile: on file systems without hard links, and at names that are taken. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { run } from "../../support/programs.ts";
import { fileOf, type Knocker, knockWords, KNOCKERS, POWERSHELL, PYTHON } from "./knockers.ts";

const KEY = encodeBase32(crypto.getRandomValues(new Uint8Array(32)));
const LINK = `rks1://alice%2Fphone@gate.example/ssh?key=${KEY}`;

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const profiles = () => join(home, "config/sallyport/profiles");
const save = (knocker: Knocker) =>
  run(knockWords(knocker, home, "--save", "new"), { mayFail: true, input: LINK });

/** As Android refuses hard links to programs, and as sticks do. */
const WITHOUT_LINKS = `import os, runpy, sys
def link(*_): raise PermissionError(13, "Permission denied")
os.link = link
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")`;

test("the client for Python saves where there are no hard links, and replaces nothing", () => {
  const file = fileOf("sallyport_knock.py");
  const knocker = { ...PYTHON, argv: ["python3", "-B", "-c", WITHOUT_LINKS, file] };
  expect(save(knocker).code).toBe(0);
  const saved = readFileSync(join(profiles(), "new"), "utf8");
  expect(saved).toContain(KEY);
  const again = save(knocker);
  expect(again.code).toBe(1);
  expect(again.err).toContain("exists: add --force to replace it");
  expect(readFileSync(join(profiles(), "new"), "utf8")).toBe(saved);
  expect(readdirSync(profiles())).toEqual(["new"]);
});

test.each(KNOCKERS.filter((one) => one !== POWERSHELL))(
  "$name saves nothing at a link that leads nowhere",
  (knocker) => {
    mkdirSync(profiles(), { recursive: true, mode: 0o700 });
    symlinkSync(join(home, "elsewhere"), join(profiles(), "new"));
    expect(save(knocker).code).toBe(1);
    expect(lstatSync(join(profiles(), "new")).isSymbolicLink()).toBe(true);
    expect(readdirSync(home)).not.toContain("elsewhere");
  },
);
