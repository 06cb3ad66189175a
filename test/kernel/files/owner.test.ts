/** Root's work with the rights of another user, tested on the kernel. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asOwnerOf, isForeign, makeFolder } from "../../../src/files/owner.ts";
import { spawnSync } from "../../support/programs.ts";

const OWNER = 61_234;

let base: string;
let folder: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "sallyport-owner-"));
  chmodSync(base, 0o755);
  folder = join(base, "state");
  mkdirSync(folder, { mode: 0o700 });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function rights(): string[] {
  return readFileSync("/proc/thread-self/status", "utf8")
    .split("\n")
    .filter((line) => /^(Uid|Gid|Groups|CapEff):/.test(line));
}

describe("asOwnerOf() by root in a folder of another user", () => {
  beforeEach(() => chownSync(folder, OWNER, OWNER));

  test("can do what he can, and nothing more", () => {
    const secret = join(base, "secret");
    writeFileSync(secret, "root's", { mode: 0o640 });
    symlinkSync(secret, join(folder, "link"));
    expect(isForeign(folder)).toBe(true);
    asOwnerOf(folder, () => writeFileSync(join(folder, "made"), "his"));
    expect(statSync(join(folder, "made"))).toMatchObject({ uid: OWNER, gid: OWNER });
    for (const name of [secret, join(folder, "link")]) {
      expect(() => asOwnerOf(folder, () => readFileSync(name))).toThrow(/EACCES/);
      expect(() => asOwnerOf(folder, () => writeFileSync(name, ""))).toThrow(/EACCES/);
      expect(() => asOwnerOf(folder, () => chownSync(name, OWNER, OWNER))).toThrow(/EPERM/);
      expect(() => asOwnerOf(folder, () => chmodSync(name, 0o666))).toThrow(/EPERM/);
    }
  });

  test("has no group of root's, even where the folder has", () => {
    const secret = join(base, "secret");
    writeFileSync(secret, "of root's group", { mode: 0o640 });
    chownSync(folder, OWNER, 0);
    process.setgroups!([0]);
    try {
      expect(() => asOwnerOf(folder, () => readFileSync(secret))).toThrow(/EACCES/);
      expect(process.getgroups!()).toContain(0);
    } finally {
      process.setgroups!([]);
    }
  });

  test("leaves everything as it was, also after an error and within itself", () => {
    const before = rights();
    expect(() =>
      asOwnerOf(folder, () => {
        asOwnerOf(folder, () => expect(rights()[0]).toEndWith(`\t${OWNER}`));
        expect(rights()[0]).toEndWith(`\t${OWNER}`);
        throw new Error("of the work");
      }),
    ).toThrow("of the work");
    expect(rights()).toEqual(before);
  });

  test("makeFolder() makes a folder in it as his", () => {
    makeFolder(join(folder, "a", "b"));
    expect(statSync(join(folder, "a", "b"))).toMatchObject({ uid: OWNER, mode: 0o40700 });
  });

  test("makeFolder() lets others through the folders of root's that it makes on the way", () => {
    const umask = process.umask(0o077);
    try {
      makeFolder(join(base, "a", "b", "c"));
    } finally {
      process.umask(umask);
    }
    const modes = ["a", "a/b", "a/b/c"].map((name) => statSync(join(base, name)).mode & 0o777);
    expect(modes).toEqual([0o755, 0o755, 0o700]);
  });

  test("says what is missing where root may not act as somebody else", () => {
    const { stderr, exitCode } = spawnSync([
      "setpriv",
      "--bounding-set",
      "-setuid,-setgid",
      process.execPath,
      "-e",
      `import { asOwnerOf } from "${join(import.meta.dir, "../../../src/files/owner.ts")}";
       try { asOwnerOf(${JSON.stringify(folder)}, () => {}); process.exit(3); }
       catch (error) { process.stderr.write(error.message); process.exit(error.exitCode); }`,
    ]);
    expect(stderr.toString()).toBe(
      `Cannot work in ${folder} as its owner, uid ${OWNER}: EPERM: run with CAP_SETUID and CAP_SETGID, or as that user`,
    );
    expect(exitCode).toBe(77);
  });
});
