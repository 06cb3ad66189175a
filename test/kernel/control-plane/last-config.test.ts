/** A start of root's with broken files in a folder of another user. */

import { expect, test } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
import { keepConfig, readOrFallBack } from "../../../src/control-plane/last-config.ts";
import { readConfiguration } from "../../../src/control-plane/configuration.ts";
import { addKey, makeKey } from "../../../src/keys/keys.ts";
import { StateFolder } from "../../support/store.ts";

test("readOrFallBack() takes nothing that a user with fewer rights could have written", () => {
  using folder = new StateFolder();
  const file = folder.file("config.toml");
  const good = `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`;
  writeFileSync(file, good);
  addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
  keepConfig(readConfiguration(file));
  writeFileSync(file, `${good}broken`);
  chownSync(folder.path, 65_534, 65_534);
  expect(() => readOrFallBack(file, () => true)).toThrow(/start the daemon as that user/);
});
