/**
 * `sallyport check --rules`, which reads the rules of others to find out how the guard will deny.
 */

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { spawnSync } from "../../support/programs.ts";
import { StateFolder } from "../../support/store.ts";

const MAIN = resolve(import.meta.dir, "../../../src/main.ts");

test("check prints the rule set with --rules, and nothing else", () => {
  using folder = new StateFolder();
  const file = folder.file("config.toml");
  writeFileSync(
    file,
    `[server]\nstate_dir = "${folder.path}"\n[door.old]\nopens = ["8443/tcp"]\nsequence = ["7000", "8000/udp", "9000"]\n`,
  );
  const check = (...argv: string[]) =>
    spawnSync([process.execPath, MAIN, "check", "--config", file, ...argv], { timeout: 30_000 });
  expect(check().stdout.toString()).not.toContain("table inet");
  const { exitCode, stdout } = check("--rules");
  expect(exitCode).toBe(0);
  expect(stdout.toString()).toStartWith("table inet sallyport");
  expect(stdout.toString()).not.toContain("Chance");
});
