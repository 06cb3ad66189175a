/** keys.toml: who may read it, its allowed content, and that no key is lost or revealed. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as fc from "fast-check";
import {
  addKey,
  digestOfKeys,
  formatKeys,
  keepLastKeys,
  lastKeysFile,
  loadKeys,
  loadKeyTable,
  parseKeys,
  removeKeys,
} from "../../../src/keys/keys.ts";
import { device, errorOf } from "../../support/keys.ts";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { spawn, spawnSync } from "../../support/programs.ts";
import { rounds } from "../../support/rounds.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-keys-"));
const stateDir = join(folder, "state");
const file = join(stateDir, "keys.toml");

beforeEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const alice = device("alice");
const laptop = device("alice", "laptop");
const bob = device("bob");

test("loadKeys() answers no keys where there is no file, not even a folder", () => {
  expect(loadKeys(stateDir)).toEqual([]);
});

test("addKey() keeps what was there, in a file that only its owner reads", () => {
  for (const one of [alice, laptop, bob]) addKey(stateDir, one);
  expect(loadKeys(stateDir)).toEqual([alice, laptop, bob]);
  expect(statSync(file).mode & 0o7777).toBe(0o600);
  expect(statSync(stateDir).mode & 0o7777).toBe(0o700);
  expect(readdirSync(stateDir)).toEqual(["first-start", "keys.toml", "keys.toml.lock"]);
});

test("addKey() marks no first start where a daemon ran before it", () => {
  mkdirSync(stateDir, { mode: 0o700 });
  writeFileSync(join(stateDir, "uses.db"), "");
  addKey(stateDir, alice);
  expect(readdirSync(stateDir).toSorted()).toEqual(["keys.toml", "keys.toml.lock", "uses.db"]);
});

test("addKey() writes mode 0600 whatever the umask is", () => {
  const before = process.umask(0);
  try {
    addKey(stateDir, alice);
  } finally {
    process.umask(before);
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("addKey() refuses a device that exists, and keeps its key", () => {
  addKey(stateDir, laptop);
  const { message } = errorOf(() => addKey(stateDir, device("alice", "laptop")));
  expect(message).toBe(
    'Cannot add alice/laptop: it has a key already: show it with "sallyport user show alice --device laptop", ' +
      'remove it first with "sallyport user remove alice --device laptop", or add another --device',
  );
  expect(loadKeys(stateDir)).toEqual([laptop]);
});

test("removeKeys() removes one device, or all of a user, and tells which", () => {
  for (const one of [alice, laptop, bob]) addKey(stateDir, one);
  expect(removeKeys(stateDir, "alice", "phone")).toEqual([]);
  expect(removeKeys(stateDir, "alice", "laptop")).toEqual([laptop]);
  addKey(stateDir, laptop);
  expect(removeKeys(stateDir, "alice")).toEqual([alice, laptop]);
  expect(loadKeys(stateDir)).toEqual([bob]);
});

test("addKey() refuses a folder that others may write to, before it makes anything there", () => {
  mkdirSync(stateDir);
  chmodSync(stateDir, 0o770);
  expect(errorOf(() => addKey(stateDir, alice)).message).toContain(
    `others may write to ${stateDir}: run "chmod go-w ${stateDir}"`,
  );
  expect(readdirSync(stateDir)).toEqual([]);
});

test.each([stateDir, join(stateDir, "deeper", "still")])(
  "loadKeys() names what is in the place of a folder: %s",
  (made) => {
    writeFileSync(stateDir, "");
    const { message, exitCode } = errorOf(() => loadKeys(made));
    expect(message).toBe(
      `Cannot read ${made}/keys.toml: ${stateDir} is no folder: move it away, or name another folder`,
    );
    expect(exitCode).toBe(ExitCode.config);
    const removal = errorOf(() => removeKeys(made, "alice"));
    expect(removal.message).toBe(
      `Cannot write ${made}/keys.toml.lock: ${stateDir} is no folder: move it away, or name another folder`,
    );
    expect(removal.exitCode).toBe(ExitCode.config);
  },
);

describe("loadKeys() refuses", () => {
  const spoil: [name: string, says: string, spoilt: () => void][] = [
    ["a file that its group may read", "others may read it: run", () => chmodSync(file, 0o640)],
    ["a file that others may write", "others may read it: run", () => chmodSync(file, 0o602)],
    [
      "a symbolic link",
      "it is a symbolic link",
      () => {
        renameSync(file, join(stateDir, "real"));
        symlinkSync("real", file);
      },
    ],
    [
      "a folder in its place",
      "it is not a regular file",
      () => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    [
      "a named pipe, without waiting for a writer",
      "it is not a regular file",
      () => {
        rmSync(file);
        spawnSync(["mkfifo", "-m", "600", file]);
      },
    ],
    ["a folder that others may write to", "others may write to", () => chmodSync(stateDir, 0o777)],
  ];
  test.each(spoil)("%s", (_, says, spoilt) => {
    addKey(stateDir, alice);
    spoilt();
    const error = errorOf(() => loadKeys(stateDir));
    expect(error.message).toStartWith(`Cannot trust ${file}: ${says}`);
    expect(error.exitCode).toBe(ExitCode.config);
  });
});

describe("loadKeys() of a broken file beside the keys that worked last", () => {
  const TOML = '["alice/phone"]\nkey = "';
  test.each([
    ["of broken TOML", TOML, "TOML is broken at line 2, column 7: repair it, or "],
    ["with a mistake", '["alice/phone"]\nkey = "A"\n', "add the device again\nRepair it, or "],
  ])("%s says how to take those, and only where that works", (_, text, says) => {
    addKey(stateDir, alice);
    keepLastKeys(stateDir, digestOfKeys(stateDir));
    writeFileSync(file, text);
    const last = lastKeysFile(stateDir);
    const way = `${says}run "cp -p ${last} ${file}" to take the keys that worked last`;
    expect(errorOf(() => loadKeys(stateDir)).message).toEndWith(way);
    expect(errorOf(() => loadKeyTable(stateDir)).message).toEndWith(way);
    expect(errorOf(() => loadKeyTable(stateDir, file)).message).toEndWith(way);
    writeFileSync(last, "broken");
    expect(errorOf(() => loadKeys(stateDir)).message).not.toContain("cp -p");
    rmSync(last);
    expect(errorOf(() => loadKeys(stateDir)).message).not.toContain("cp -p");
  });
});

describe("parseKeys()", () => {
  const KEY = encodeBase32(alice.key);
  const table = (name: string, lines: string) => `["${name}"]\n${lines}\n`;
  const wrong: [name: string, toml: string, says: string][] = [
    [
      "a key that is too short",
      table("a/b", `key = "${KEY.slice(8)}"`),
      'keys.toml:1: "a/b" has no key of 32 bytes in base32 (52 characters): remove and add the device again',
    ],
    [
      "a key that is no base32",
      table("a/b", `key = "${KEY.replace(/.$/, "1")}"`),
      "has no key of 32 bytes",
    ],
    ["no key", table("a/b", ""), "has no key of 32 bytes"],
    ["a key in a list", table("a/b", `key = ["${KEY}"]`), "has no key of 32 bytes"],
    ["a key without a table", `"a/b" = "${KEY}"`, "is not a table"],
    [
      "a name in capitals",
      table("A/b", `key = "${KEY}"`),
      'keys.toml:1: "A/b" is not "user/device"',
    ],
    ["three parts", table("a/b/c", `key = "${KEY}"`), 'is not "user/device"'],
    ["a table too deep", `[alice.laptop]\nkey = "${KEY}"\n`, "has a key other than key and added"],
    [
      "a word it does not know",
      table("a/b", `key = "${KEY}"\nKEY = "${KEY}"`),
      "has a key other than key and added",
    ],
    [
      "a date that is text",
      table("a/b", `key = "${KEY}"\nadded = "${KEY}"`),
      "has an added that is no date",
    ],
    [
      "a key for a name",
      table(KEY, `key = "${KEY}"`),
      'keys.toml:1: a value that may be a secret is not "user/device"',
    ],
    [
      "one device under two names",
      table("a", `key = "${KEY}"`) + table("a/default", `key = "${encodeBase32(bob.key)}"`),
      'keys.toml:3: "a/default" is the same device as one before it',
    ],
    [
      "two devices with one key",
      table("a/b", `key = "${KEY}"`) + table("c/default", `key = "${KEY.toLowerCase()}"`),
      "keys.toml: a/b and c have the same key",
    ],
    [
      "broken TOML",
      table("a/b", `key = "${KEY}`),
      "TOML is broken at line 2, column 60: repair it",
    ],
    [
      "a table twice",
      table("a/b", `key = "${KEY}"`) + table("a/b", `key = "${KEY}"`),
      "TOML is broken at line 3",
    ],
  ];
  test.each(wrong)("refuses %s, and quotes nothing of a key", (_, toml, says) => {
    const { message, stack, cause, exitCode } = errorOf(() => parseKeys(toml));
    expect(message).toContain(says);
    expect(exitCode).toBe(ExitCode.config);
    expect(cause).toBeUndefined();
    for (let at = 0; at + 8 <= KEY.length; at += 4) {
      expect(`${message}${stack}`.toUpperCase()).not.toContain(KEY.slice(at, at + 8));
    }
  });

  test("tells every wrong device, each with its line", () => {
    const { message } = errorOf(() => parseKeys(`["a/b"]\nkey = 1\n\n["c/d"]\nkey = 2\n`));
    expect(message.split("\n").map((line) => line.slice(0, 18))).toEqual([
      "Cannot load keys.t",
      'keys.toml:1: "a/b"',
      'keys.toml:4: "c/d"',
    ]);
  });

  test("reads what formatKeys() writes, and a device without a name as the default one", () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,31}$/);
    const keys = fc.uniqueArray(
      fc.record(
        {
          user: name,
          device: name,
          key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
          addedMs: fc
            .date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") })
            .map((date) => date.getTime()),
        },
        { requiredKeys: ["user", "device", "key"] },
      ),
      { selector: (one) => `${one.user}/${one.device}` },
    );
    fc.assert(
      fc.property(keys, (all) => {
        fc.pre(new Set(all.map(({ key }) => encodeBase32(key))).size === all.length);
        expect(parseKeys(formatKeys(all))).toEqual(all);
      }),
    );
    expect(parseKeys(`[alice]\nkey = "${KEY.toLowerCase()}"\n`)).toEqual([
      { user: "alice", device: "default", key: alice.key },
    ]);
  });

  test("answers any text with keys or a SallyportError", () => {
    const seed = formatKeys([alice, laptop, bob]);
    fc.assert(
      fc.property(
        fc.nat(seed.length),
        fc.nat(20),
        fc.string({ unit: "binary", maxLength: 6 }),
        (at, cut, put) => {
          try {
            parseKeys(seed.slice(0, at) + put + seed.slice(at + cut));
          } catch (error) {
            expect(error).toBeInstanceOf(SallyportError);
            for (const { key } of [alice, laptop, bob]) {
              expect((error as Error).message).not.toContain(encodeBase32(key).slice(0, 8));
            }
          }
        },
      ),
      { numRuns: rounds(1_000) },
    );
  });
});

const KEYS_MODULE = resolve(import.meta.dir, "../../../src/keys/keys.ts");

test("addKey() loses none of the devices that eight processes add at once", async () => {
  const script = `
    const { addKey, makeKey } = await import(${JSON.stringify(KEYS_MODULE)});
    for (let i = 0; i < 10; i++) {
      addKey(${JSON.stringify(stateDir)}, { user: "u" + process.argv[1], device: "d" + i, key: makeKey("gate") });
    }`;
  const children = Array.from({ length: 8 }, (_, i) =>
    spawn([process.execPath, "-e", script, String(i)], { stderr: "pipe" }),
  );
  const codes = await Promise.all(children.map((child) => child.exited));
  expect(codes).toEqual(children.map(() => 0));
  expect(loadKeys(stateDir)).toHaveLength(80);
  expect(readdirSync(stateDir)).toEqual(["first-start", "keys.toml", "keys.toml.lock"]);
}, 60_000);

const LOCK_MODULE = resolve(import.meta.dir, "../../../src/files/file-lock.ts");

/** The words of a script that does `work` while it has the lock. */
const locked = (work: string) => `
  const { withFileLock } = await import(${JSON.stringify(LOCK_MODULE)});
  withFileLock(${JSON.stringify(file)}, () => { ${work} });`;

test("addKey() gets past the lock of processes that were killed while they held it", async () => {
  const killed = spawn([process.execPath, "-e", locked('process.kill(process.pid, "SIGKILL");')]);
  await killed.exited;
  const add = `
    const { addKey, makeKey } = await import(${JSON.stringify(KEYS_MODULE)});
    addKey(${JSON.stringify(stateDir)}, { user: "u" + process.argv[1], device: "d", key: makeKey("gate") });`;
  const children = Array.from({ length: 6 }, (_, i) =>
    spawn([process.execPath, "-e", add, String(i)]),
  );
  expect(await Promise.all(children.map((child) => child.exited))).toEqual(children.map(() => 0));
  expect(loadKeys(stateDir)).toHaveLength(6);
  expect(readdirSync(stateDir)).toEqual(["first-start", "keys.toml", "keys.toml.lock"]);
}, 60_000);

test("addKey() waits for a holder of the lock, then says who is in the way; keepLastKeys() does not wait", async () => {
  const holder = spawn(
    [
      process.execPath,
      "-e",
      locked('process.stdout.write("locked"); require("fs").readSync(0, new Uint8Array(1));'),
    ],
    { stdin: "pipe", stdout: "pipe" },
  );
  await holder.stdout.getReader().read();
  const busy = `Cannot change ${file}: another command is changing it: try again when that has ended`;
  const began = performance.now();
  expect(errorOf(() => keepLastKeys(stateDir, "changed")).message).toBe(busy);
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(errorOf(() => addKey(stateDir, alice)).message).toBe(busy);
  expect(existsSync(file)).toBe(false);
  await holder.stdin.end();
  expect(await holder.exited).toBe(0);
  addKey(stateDir, alice);
  expect(loadKeys(stateDir)).toHaveLength(1);
}, 20_000);

test("addKey() believes nothing that stands in a lock, as an earlier version wrote it", () => {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  mkdirSync(stateDir, { mode: 0o700 });
  for (const holder of [`${boot} ${process.pid} 1 x`, `${boot} ../etc 1 x`]) {
    writeFileSync(`${file}.lock`, holder, { mode: 0o600 });
    addKey(stateDir, device("alice", `d${holder.length}`));
  }
  expect(loadKeys(stateDir)).toHaveLength(2);
});

test("removeKeys() clears away what killed processes had not put into place, and nothing else", () => {
  addKey(stateDir, alice);
  for (const name of [".keys.toml.0a1b2c3d.new", ".keys.last.toml.0a1b2c3d.new", ".other.new"]) {
    writeFileSync(join(stateDir, name), "", { mode: 0o600 });
  }
  removeKeys(stateDir, "alice");
  expect(readdirSync(stateDir).toSorted()).toEqual([
    ".other.new",
    "first-start",
    "keys.toml",
    "keys.toml.lock",
  ]);
});
