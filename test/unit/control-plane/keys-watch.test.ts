/** Whether keys.toml is the one that the daemon works by, from real files. */

import { expect, test } from "bun:test";
import { chmodSync, rmSync, utimesSync } from "node:fs";
import { addKey, digestOfKeys, makeKey, removeKeys } from "../../../src/keys/keys.ts";
import { KeysWatch } from "../../../src/control-plane/keys-watch.ts";
import { StateFolder } from "../../support/store.ts";

test("KeysWatch.changed() tells of every change, and of none where the keys are the same", () => {
  using folder = new StateFolder();
  let read = digestOfKeys(folder.path);
  const watch = new KeysWatch(folder.path, () => read);
  expect(watch.changed()).toBeUndefined();

  addKey(folder.path, { user: "alice", device: "phone", key: makeKey("gate") });
  expect(watch.changed()).toStartWith("Keys changed since the daemon read them: ");
  read = digestOfKeys(folder.path);
  expect(watch.changed()).toBeUndefined();

  utimesSync(folder.file("keys.toml"), 1, 1);
  expect(watch.changed()).toBeUndefined();

  removeKeys(folder.path, "alice", "phone");
  expect(watch.changed()).toStartWith("Keys changed");
  read = digestOfKeys(folder.path);
  rmSync(folder.file("keys.toml"));
  expect(watch.changed()).toStartWith("Keys changed");
});

test("KeysWatch.changed() says why the keys cannot be read", () => {
  using folder = new StateFolder();
  addKey(folder.path, { user: "alice", device: "phone", key: makeKey("gate") });
  const watch = new KeysWatch(folder.path, () => "of other keys");
  chmodSync(folder.file("keys.toml"), 0o644);
  expect(watch.changed()).toContain("keys.toml: others may read it");
});
