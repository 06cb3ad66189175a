/** The configuration that root takes without --config: nothing that another user could have written. */

import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { findConfig, SERVICE_CONFIG, standingConfig } from "../../../src/config/find.ts";
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

test("findConfig() refuses root a link to a file that another user could swap", () => {
  mkdirSync("theirs");
  renameSync("config.toml", "theirs/config.toml");
  symlinkSync("theirs/config.toml", "config.toml");
  expect(findConfig()).toBe("./config.toml");
  chownSync("theirs", 65_534, 65_534);
  expect(() => findConfig()).toThrow("its folder belongs to uid 65534");
});

test("standingConfig() takes a found file only while nobody else could have written it", () => {
  const { file, requireTrust } = standingConfig(undefined, true);
  expect(file).toBe("./config.toml");
  requireTrust();
  chownSync("config.toml", 65_534, 65_534);
  expect(requireTrust).toThrow(
    /^Cannot trust \.\/config\.toml: it belongs to uid 65534, and root would run the commands in it: run "chown root /,
  );
});

test("standingConfig() takes what a person named as it was then, and refuses what became of it", () => {
  chownSync("config.toml", 65_534, 65_534);
  const { requireTrust } = standingConfig("config.toml", true);
  requireTrust();
  chmodSync("config.toml", 0o666);
  expect(requireTrust).toThrow("everybody may write to it");
  chmodSync("config.toml", 0o644);
  chownSync("config.toml", 65_533, 65_533);
  expect(requireTrust).toThrow("it belongs to uid 65533");
  chownSync("config.toml", 0, 0);
  requireTrust();
});

test.skipIf(existsSync(SERVICE_CONFIG))(
  "standingConfig() finds what is not there where the service would look, for a start that falls back",
  () => {
    rmSync("config.toml");
    const { file, requireTrust } = standingConfig(undefined, true);
    expect(file).toBe(SERVICE_CONFIG);
    expect(requireTrust).toThrow("Cannot find a configuration: neither");
    expect(standingConfig("config.toml", false).requireTrust).not.toThrow();
  },
);

test("standingConfig() takes nobody's word for the file that a unit names, but for its own user", () => {
  chownSync("config.toml", 65_534, 65_534);
  expect(standingConfig("config.toml", false).requireTrust).toThrow("it belongs to uid 65534");
  standingConfig("config.toml", false, [65_534]).requireTrust();
});
