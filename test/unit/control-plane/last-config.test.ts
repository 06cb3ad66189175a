/**
 * A start with broken files: it takes the configuration that worked last, and never a removed key.
 */

import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { addKey, keysFile, lastKeysFile, makeKey, removeKeys } from "../../../src/keys/keys.ts";
import { lastConfigFile } from "../../../src/config/last-settings.ts";
import { clearUnconfirmed, markUnconfirmed } from "../../../src/config/unconfirmed.ts";
import { readConfiguration } from "../../../src/control-plane/configuration.ts";
import {
  keepConfig,
  placeOfMistake,
  readOrFallBack,
} from "../../../src/control-plane/last-config.ts";
import { StateFolder } from "../../support/store.ts";

/** A folder whose configuration, with a key of alice and one of bob, was in force. */
function stage(folder: StateFolder): string {
  const file = folder.file("config.toml");
  writeFileSync(
    file,
    `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice", "bob"]\n`,
  );
  for (const user of ["alice", "bob"]) {
    addKey(folder.path, { user, device: "phone", key: makeKey("lab") });
  }
  keepConfig(readConfiguration(file));
  return file;
}

const spoil = (file: string) => writeFileSync(file, `${readFileSync(file, "utf8")}broken`);
const yes = () => true;

describe("readOrFallBack()", () => {
  test("takes the files as they are where nothing is wrong", () => {
    using folder = new StateFolder();
    expect(readOrFallBack(stage(folder), yes).mistake).toBeUndefined();
  });

  test("takes what worked last, and says what is wrong now", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    spoil(file);
    const { settings, keys, mistake } = readOrFallBack(file, yes);
    expect([settings.doors.length, keys.length]).toEqual([1, 2]);
    expect(mistake).toContain(`${file}:6: TOML is broken`);
  });

  test("takes what worked last where the file is not to be trusted, whatever that one says", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    const distrust = () => {
      throw new SallyportError(`Cannot trust ${file}: it belongs to uid 1000`, ExitCode.config);
    };
    expect(() => readOrFallBack(file, () => false, distrust)).toThrow("Cannot trust");
    const { settings, mistake } = readOrFallBack(file, yes, distrust);
    expect([settings.doors.length, mistake]).toEqual([1, expect.stringContaining("Cannot trust")]);
    expect(placeOfMistake(mistake!)).toBe("config.toml");

    using other = new StateFolder();
    const before = process.env["STATE_DIRECTORY"];
    process.env["STATE_DIRECTORY"] = folder.path;
    try {
      writeFileSync(file, `[server]\nstate_dir = "${other.path}"\n`);
      stage(other);
      utimesSync(lastConfigFile(other.path), 1, 1);
      expect(readOrFallBack(file, yes, distrust).settings.server.stateDir).toBe(folder.path);
    } finally {
      if (before === undefined) delete process.env["STATE_DIRECTORY"];
      else process.env["STATE_DIRECTORY"] = before;
    }
  });

  test("takes what worked last where nobody confirmed the files, and says so", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    const changed = readFileSync(file, "utf8").replace("22/tcp", "23/tcp");
    writeFileSync(file, changed);
    markUnconfirmed(folder.path, changed);
    const portOf = () => readOrFallBack(file, () => false).settings.doors[0]!.opens[0]!.from;
    const { mistake } = readOrFallBack(file, () => false);
    expect(mistake).toContain(`${file}: nobody confirmed it in time`);
    expect(placeOfMistake(mistake!)).toBe("config.toml");
    expect(portOf()).toBe(22);
    writeFileSync(file, `${changed}# mended\n`);
    expect(portOf()).toBe(23);
    writeFileSync(file, changed);
    expect(portOf()).toBe(22);
    clearUnconfirmed(folder.path);
    expect(portOf()).toBe(23);
  });

  test.each([
    ["is gone", (last: string) => rmSync(last), []],
    ["is broken", spoil, ["config.last.toml:6: TOML is broken"]],
    [
      "may be read by others",
      (last: string) => chmodSync(last, 0o644),
      ["config.last.toml: others may read it"],
    ],
  ])("takes unconfirmed files where what worked last %s: a daemon must run", (_, harm, why) => {
    using folder = new StateFolder();
    const file = stage(folder);
    const changed = readFileSync(file, "utf8").replace("22/tcp", "23/tcp");
    writeFileSync(file, changed);
    markUnconfirmed(folder.path, changed);
    harm(lastConfigFile(folder.path));
    const { settings, mistake, warnings } = readOrFallBack(file, yes);
    expect([settings.doors[0]!.opens[0]!.from, mistake]).toEqual([23, undefined]);
    const told = warnings.filter((warning) => warning.startsWith("Nobody confirmed "));
    expect(told).toEqual(why.map((word) => expect.stringContaining(word)));
  });

  test("says that nobody can tell whether the files were confirmed, and takes them", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    markUnconfirmed(folder.path, "another text");
    chmodSync(folder.file("unconfirmed"), 0o644);
    const { mistake, warnings } = readOrFallBack(file, yes);
    expect(mistake).toBeUndefined();
    expect(warnings[0]).toStartWith(
      `Cannot tell whether somebody confirmed ${file}, and it is taken: Cannot trust ${folder.file("unconfirmed")}: others may read it`,
    );
  });

  test("takes the keys of now with it: one added since opens, one removed since does not", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    addKey(folder.path, { user: "alice", device: "tablet", key: makeKey("lab") });
    removeKeys(folder.path, "bob");
    spoil(file);
    const { keys } = readOrFallBack(file, yes);
    expect([...keys.users()]).toEqual(["alice", "alice"]);
  });

  test("takes the keys that worked last where keys.toml is broken, without one that was removed since", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    removeKeys(folder.path, "bob", "phone");
    spoil(keysFile(folder.path));
    const { keys, mistake } = readOrFallBack(file, yes);
    expect([...keys.users()]).toEqual(["alice"]);
    expect(placeOfMistake(mistake!)).toMatch(/^keys\.toml:\d+$/);
  });

  test.each([
    ["gone", (keys: string) => rmSync(keys)],
    ["empty", (keys: string) => writeFileSync(keys, "\n")],
  ])(
    "takes the keys that worked last where keys.toml is %s, and has them put back before any is added",
    (state, lose) => {
      using folder = new StateFolder();
      const file = stage(folder);
      const keys = keysFile(folder.path);
      const last = lastKeysFile(folder.path);
      lose(keys);
      const lost = `Cannot load ${keys}: it is ${state}, and ${last} holds the keys that worked last: run "cp -p ${last} ${keys}", or remove that one as well where nobody is to have a key`;
      const found = readOrFallBack(file, yes);
      expect([found.mistake, [...found.keys.users()]]).toEqual([lost, ["alice", "bob"]]);
      expect(placeOfMistake(lost)).toBe("keys.toml");
      const added = { user: "carol", device: "laptop", key: makeKey("lab") };
      expect(() => addKey(folder.path, added)).toThrow(lost);
      copyFileSync(last, keys);
      chmodSync(keys, 0o600);
      expect(readOrFallBack(file, yes).mistake).toBeUndefined();
    },
  );

  test("takes the newest that works where the file is not to be trusted: a state folder was left for another", () => {
    using left = new StateFolder();
    using used = new StateFolder();
    stage(left);
    utimesSync(lastConfigFile(left.path), 1, 1);
    const file = stage(used);
    removeKeys(used.path, "bob");
    const distrust = () => {
      throw new SallyportError(`Cannot trust ${file}: it belongs to uid 1000`, ExitCode.config);
    };
    const given = process.env["STATE_DIRECTORY"];
    try {
      process.env["STATE_DIRECTORY"] = left.path;
      expect([...readOrFallBack(file, yes, distrust).keys.users()]).toEqual(["alice"]);
      spoil(lastConfigFile(used.path));
      expect([...readOrFallBack(file, yes, distrust).keys.users()]).toEqual(["alice", "bob"]);
      spoil(lastConfigFile(left.path));
      expect(() => readOrFallBack(file, yes, distrust)).toThrow(
        /Cannot trust.*\nNor could .*\n[^]*Nor could /,
      );
    } finally {
      if (given === undefined) delete process.env["STATE_DIRECTORY"];
      else process.env["STATE_DIRECTORY"] = given;
    }
  });

  test("takes what a later sallyport worked by, without the keys that only that one knows", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    const later = `${readFileSync(file, "utf8")}from = ["10.0.0.0/8"]\n`;
    for (const one of [file, lastConfigFile(folder.path)]) writeFileSync(one, later);
    const { settings, mistake } = readOrFallBack(file, yes);
    expect(settings.doors.map(({ name }) => name)).toEqual(["ssh"]);
    expect(mistake).toContain(`${file}:6: door.ssh.from is not a key that sallyport knows`);
  });

  test("takes a keys.toml that is gone for none where the last key was removed before", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    for (const user of ["alice", "bob"]) removeKeys(folder.path, user);
    rmSync(keysFile(folder.path));
    expect(readOrFallBack(file, yes).keys.length).toBe(0);
  });

  test("takes more keys than the doors are strong enough for, and warns: nobody could come in to mend it", () => {
    using folder = new StateFolder();
    const file = folder.file("config.toml");
    const text = readFileSync(stage(folder), "utf8");
    writeFileSync(file, `[knock]\nports = 7\nrange = "20000-39999"\n${text}`);
    keepConfig(readConfiguration(file));
    for (let i = 0; i < 10; i++) {
      addKey(folder.path, { user: "alice", device: `d${i}`, key: makeKey("lab") });
    }
    const { keys, mistake, warnings } = readOrFallBack(file, yes);
    expect(keys.length).toBe(12);
    expect(mistake).toContain("Cannot guard the doors: the chance");
    expect(warnings).toContainEqual(
      expect.stringMatching(/^The doors are weak: the chance .*above/),
    );
  });

  test("refuses where nothing worked before, or where a mistake keeps nobody out", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    spoil(file);
    expect(() => readOrFallBack(file, () => false)).toThrow(/^Cannot load .*: one mistake/);
    using empty = new StateFolder();
    const other = empty.file("config.toml");
    writeFileSync(other, `[server]\nstate_dir = "${empty.path}"\nbroken`);
    expect(() => readOrFallBack(other, yes)).toThrow(/^Cannot load .*: one mistake/);
  });

  test("says both where what worked last is broken as well", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    spoil(file);
    spoil(lastConfigFile(folder.path));
    expect(() => readOrFallBack(file, yes)).toThrow(/Nor could the one that worked last be used/);
  });
});

describe("keepConfig()", () => {
  test("keeps no keys that are others than those in force", () => {
    using folder = new StateFolder();
    const file = stage(folder);
    const before = readConfiguration(file);
    const kept = readFileSync(lastKeysFile(folder.path), "utf8");
    removeKeys(folder.path, "bob");
    keepConfig(before);
    const now = readFileSync(lastKeysFile(folder.path), "utf8");
    expect(kept).toContain("bob/phone");
    expect(now).not.toContain("bob/phone");
  });
});

test("placeOfMistake() names file and line, and nothing of what stands there", () => {
  expect(
    placeOfMistake("Cannot load /etc/x/config.toml: one mistake\n/etc/x/config.toml:7: a b: c"),
  ).toBe("config.toml:7");
  expect(
    placeOfMistake("Cannot load /s/keys.toml: TOML is broken at line 3, column 1: repair it"),
  ).toBe("keys.toml:3");
  expect(placeOfMistake("Cannot trust /s/keys.toml: others may read it")).toBe("keys.toml");
});
