/** The configuration that root takes without --config: nothing that another user could have written. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findConfig } from "../../../src/config/find.ts";

const home = process.cwd();
const sudoUid = process.env["SUDO_UID"];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-find-"));
  writeFileSync(join(folder, "config.toml"), "");
  process.chdir(folder);
  delete process.env["SUDO_UID"];
});

afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
  if (sudoUid === undefined) delete process.env["SUDO_UID"];
  else process.env["SUDO_UID"] = sudoUid;
});

test("findConfig() refuses root a found file of another user", () => {
  chownSync("config.toml", 65_534, 65_534);
  expect(() => findConfig()).toThrow(
    "Cannot trust ./config.toml: it belongs to uid 65534, and root would run the commands in it: name it with --config if you do",
  );
  expect(findConfig("./config.toml")).toBe("./config.toml");
});

test("findConfig() takes the found file of whoever called sudo", () => {
  chownSync("config.toml", 65_534, 65_534);
  process.env["SUDO_UID"] = "65534";
  expect(findConfig()).toBe("./config.toml");
});

test("findConfig() refuses root a found file that everybody may write to", () => {
  chmodSync("config.toml", 0o666);
  expect(() => findConfig()).toThrow("everybody may write to it");
});

test("findConfig() refuses root a file that another user could swap before it is read", () => {
  chownSync(".", 65_534, 65_534);
  expect(() => findConfig()).toThrow(
    "Cannot trust ./config.toml: its folder belongs to uid 65534, and root would run",
  );
  chownSync(".", 0, 0);
  chmodSync(".", 0o777);
  expect(() => findConfig()).toThrow("everybody may write to its folder");
  chmodSync(".", 0o1777);
  expect(findConfig()).toBe("./config.toml");
});
