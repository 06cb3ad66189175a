/** The configuration that a command takes without --config. */

import { expect, test } from "bun:test";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { CONFIG_FILES, findConfig, withConfig } from "../../../src/config/find.ts";
import { workInOwnFolder } from "../../support/working-folder.ts";

workInOwnFolder();

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
