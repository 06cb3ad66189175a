/** What is kept for a start with broken files, and when. */

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { lastConfigFile } from "../../../src/config/last-settings.ts";
import { readConfiguration } from "../../../src/control-plane/configuration.ts";
import type { GuardState } from "../../../src/control-plane/guard/guard-loader.ts";
import { LastKeeper } from "../../../src/control-plane/last-keeper.ts";
import { withFileLock } from "../../../src/files/file-lock.ts";
import { addKey, keysFile, lastKeysFile } from "../../../src/keys/keys.ts";
import { device } from "../../support/keys.ts";
import { StateFolder } from "../../support/store.ts";

const text = (folder: StateFolder, port: number) =>
  `[server]\nstate_dir = "${folder.path}"\n[door.web]\nopens = ["${port}/tcp"]\nusers = ["alice"]\n`;

function stage(folder: StateFolder, state: GuardState = "permanent") {
  const file = folder.file("config.toml");
  addKey(folder.path, device("alice", "default"));
  const read = async (port: number) => {
    await Bun.write(file, text(folder, port));
    return readConfiguration(file);
  };
  const kept = () => readFileSync(lastConfigFile(folder.path), "utf8");
  const keys = () => readFileSync(lastKeysFile(folder.path), "utf8");
  let now = state;
  const told: string[] = [];
  const keeper = new LastKeeper(
    () => now,
    ({ state: heard, message }) => told.push(`${heard}: ${message}`),
  );
  return { read, kept, keys, keeper, told, becomes: (next: GuardState) => (now = next) };
}

test("LastKeeper keeps what is in force, or what returns without a confirmation", async () => {
  using folder = new StateFolder();
  const { read, kept, keeper } = stage(folder);
  const [first, second] = [await read(1), await read(2)];
  keeper.keep(first);
  expect(kept()).toContain("1/tcp");
  keeper.keep(second, first);
  expect(kept()).toContain("1/tcp");
  keeper.keep(second);
  expect(kept()).toContain("2/tcp");
});

test("LastKeeper puts nothing unconfirmed in the place of what worked, but keys", async () => {
  using folder = new StateFolder();
  const { read, kept, keys, keeper, becomes } = stage(folder);
  keeper.keep(await read(1));
  becomes("probation");
  addKey(folder.path, device("bob", "phone"));
  const second = await read(2);
  keeper.keep(second);
  expect(kept()).toContain("1/tcp");
  expect(keys()).toContain("bob/phone");
  becomes("permanent");
  keeper.keep(second);
  expect(kept()).toContain("2/tcp");
});

test("LastKeeper waits for no command that changes the keys, and comes back", async () => {
  using folder = new StateFolder();
  const { read, keys, keeper } = stage(folder);
  const configuration = await read(1);
  expect(keeper.again()).toBe(false);
  withFileLock(keysFile(folder.path), () => {
    keeper.keep(configuration);
    expect(keys).toThrow(/ENOENT/);
    expect(keeper.again()).toBe(true);
  });
  expect(keeper.again()).toBe(false);
  expect(keys()).toContain("alice");
});

test("LastKeeper writes what the folder refused once it takes it, and tells both once", async () => {
  using folder = new StateFolder();
  const { read, kept, keeper, told, becomes } = stage(folder);
  keeper.keep(await read(1));
  const file = lastConfigFile(folder.path);
  rmSync(file);
  mkdirSync(file);
  keeper.keep(await read(2));
  becomes("probation");
  keeper.keep(await read(3));
  expect([keeper.again(), keeper.again()]).toEqual([false, false]);
  rmdirSync(file);
  expect(keeper.again()).toBe(false);
  expect(kept()).toContain("2/tcp");
  expect(told).toEqual([
    expect.stringMatching(
      /^failing: A start with broken files would not work by the present ones: Cannot \S+ \S+config\.last\.toml: /,
    ),
    `working: ${file} is written again`,
  ]);
});
