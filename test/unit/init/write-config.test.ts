/** The first configuration: written once, with its schema, over nothing that anybody wrote. */

import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { writeConfig } from "../../../src/init/write-config.ts";
import { StateFolder } from "../../support/store.ts";

test("writeConfig() writes the configuration and its schema, readable by everybody", () => {
  using folder = new StateFolder();
  const file = folder.file("etc/sallyport/config.toml");
  const schema = folder.file("etc/sallyport/config.schema.json");
  expect(writeConfig(file, "text", false)).toEqual([file, schema]);
  for (const path of [file, schema]) expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readFileSync(file, "utf8")).toBe("text");
  expect(JSON.parse(readFileSync(schema, "utf8"))).toHaveProperty("properties.door");
});

test("writeConfig() leaves what somebody wrote meanwhile, and replaces an example", () => {
  using folder = new StateFolder();
  const file = folder.file("config.toml");
  writeFileSync(file, "mine");
  expect(() => writeConfig(file, "text", false)).toThrow(
    `Cannot write ${file}: somebody wrote it meanwhile: run "sallyport init" again`,
  );
  expect(readFileSync(file, "utf8")).toBe("mine");
  writeConfig(file, "text", true);
  expect(readFileSync(file, "utf8")).toBe("text");
});

test("writeConfig() names a folder that cannot be written to", () => {
  const file = "/proc/sallyport/config.toml";
  expect(() => writeConfig(file, "text", false)).toThrow(
    /^Cannot write \/proc\/sallyport\/config\.toml: E[A-Z]+: name another file with --config$/,
  );
});
