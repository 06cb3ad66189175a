/** The configuration that root takes without --config: nothing that another user could have written. */

import { expect, test } from "bun:test";
import { chmodSync, chownSync } from "node:fs";
import { findConfig } from "../../../src/config/find.ts";
import { workInOwnFolder } from "../../support/working-folder.ts";

workInOwnFolder();

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
