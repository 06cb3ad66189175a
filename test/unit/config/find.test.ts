/** The configuration that a command takes without --config. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { CONFIG_FILES, findConfig, withConfig } from "../../../src/config/find.ts";

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

test("findConfig() takes the file that is named, whatever it is", () => {
  expect(findConfig("no-such.toml")).toBe("no-such.toml");
});

test("findConfig() looks where the service looks before it takes what lies about", () => {
  expect(CONFIG_FILES).toEqual(["/etc/sallyport/config.toml", "./config.toml"]);
  expect(findConfig()).toBe("./config.toml");
});

test("withConfig() says why it took a file of something else", () => {
  const broken = () => {
    throw new SallyportError("Cannot load ./config.toml: 1 mistake", ExitCode.config);
  };
  expect(() => withConfig(undefined, broken)).toThrow(
    "Cannot load ./config.toml: 1 mistake\n./config.toml was taken because there is no /etc/sallyport/config.toml: name another with --config",
  );
  expect(() => withConfig("./config.toml", broken)).toThrow(/mistake$/);
});
