/** Private files in a folder of another user, who does not hold still. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
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
import { withFileLock } from "../../../src/files/file-lock.ts";
import {
  createPrivateFile,
  readPrivateFile,
  removePrivateFile,
  writePrivateFile,
} from "../../../src/files/private-file.ts";
import { race } from "../../support/racer.ts";
import { spawnSync } from "../../support/programs.ts";

const OWNER = 61_234;

let base: string;
let folder: string;
let file: string;
let victim: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "sallyport-private-"));
  chmodSync(base, 0o755);
  folder = join(base, "state");
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, OWNER, OWNER);
  file = join(folder, "file");
  victim = join(base, "victim");
  writeFileSync(victim, "root's own\n", { mode: 0o600 });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Everything that a user without rights must not be able to change about a file of root's. */
function facts(path: string) {
  const { uid, gid, mode, size, mtimeMs, ino } = statSync(path);
  return { uid, gid, mode, size, mtimeMs, ino, text: readFileSync(path, "utf8") };
}

describe("in a folder of another user", () => {
  test("writePrivateFile() gives no file of root's away, whatever its name names meanwhile", async () => {
    const before = facts(victim);
    await using racer = await race({ folder, names: "\\.new$", victim, uid: OWNER });
    for (let i = 0; i < 400; i++) {
      try {
        writePrivateFile(file, `${i}\n`);
      } catch {
        // Taken from under it: refused, which is right.
      }
    }
    expect(await racer.stop()).toBeGreaterThan(0);
    expect(facts(victim)).toEqual(before);
  });

  test("what root makes belongs to the folder's owner from the start", () => {
    writePrivateFile(file, "text");
    expect(createPrivateFile(`${file}2`, "text")).toBe(true);
    for (const path of [file, `${file}2`]) {
      expect(statSync(path)).toMatchObject({ uid: OWNER, gid: OWNER, mode: 0o100600 });
    }
    expect(readPrivateFile(file)).toBe("text");
    removePrivateFile(file);
    expect(readPrivateFile(file)).toBeUndefined();
  });

  test("readPrivateFile() reads no file of root's through a hard link", () => {
    linkSync(victim, file);
    expect(() => readPrivateFile(file)).toThrow(/it belongs to uid 0/);
  });

  test("withFileLock() waits for no pipe and follows no link", () => {
    spawnSync(["mkfifo", "-m", "600", `${file}.lock`]);
    chownSync(`${file}.lock`, OWNER, OWNER);
    expect(() => withFileLock(file, () => 1)).toThrow(/file\.lock: it is not a regular file/);
    rmSync(`${file}.lock`);
    symlinkSync(victim, `${file}.lock`);
    expect(() => withFileLock(file, () => 1)).toThrow(/file\.lock: it is a symbolic link/);
    rmSync(`${file}.lock`);
    expect(withFileLock(file, () => 1)).toBe(1);
  });
});
