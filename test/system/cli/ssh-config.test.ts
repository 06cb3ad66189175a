/** `sallyport ssh-config` as README.md tells to use it: appended to a file that is there already. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { run } from "../../support/programs.ts";

const CANARY = encodeBase32(new Uint8Array(32).fill(0xc3));
const home = mkdtempSync(join(tmpdir(), "sallyport-ssh-config-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("ssh-config leaves the last line of a file as it is, where that has no end", () => {
  const folder = join(home, "sallyport", "profiles");
  mkdirSync(folder, { recursive: true });
  const link = `rks1://alice@gate.example/ssh?key=${CANARY}&opens=22/tcp`;
  writeFileSync(join(folder, "home"), link, { mode: 0o600 });
  const file = join(home, "config");
  writeFileSync(file, "Host other.example\n  User bob");
  const script = '"$0" ssh-config home >> "$1"';
  run(["sh", "-c", script, EXECUTABLE, file], { env: { ...process.env, XDG_CONFIG_HOME: home } });
  expect(readFileSync(file, "utf8")).not.toContain(CANARY);
  const read = (host: string) => run(["ssh", "-G", "-F", file, host]).out;
  expect(read("other.example")).toContain("user bob\n");
  expect(read("home")).toContain(" proxy home %h %p\n");
});
