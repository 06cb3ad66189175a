/** keys.toml by root and by others: whose file is trusted, and whose it becomes. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode } from "../../../src/core/errors.ts";
import { addKey, loadKeys } from "../../../src/keys/keys.ts";
import { asNobody } from "../../support/nobody.ts";
import { device, errorOf } from "../../support/keys.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-keys-"));
const stateDir = join(folder, "state");
const file = join(stateDir, "keys.toml");

beforeEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const alice = device("alice");

describe("loadKeys() refuses", () => {
  test("a file of another user, unless the folder is theirs and root asks", () => {
    addKey(stateDir, alice);
    chownSync(file, 65_534, 65_534);
    expect(errorOf(() => loadKeys(stateDir)).message).toContain("it belongs to uid 65534");
    chownSync(stateDir, 65_534, 65_534);
    expect(loadKeys(stateDir)).toEqual([alice]);
  });

  test("a folder that its owner could make beforehand, because others write above it", () => {
    const made = join(folder, "shared", "state");
    mkdirSync(made, { recursive: true });
    addKey(made, alice);
    chownSync(join(made, "keys.toml"), 65_534, 65_534);
    chownSync(made, 65_534, 65_534);
    expect(loadKeys(made)).toEqual([alice]);
    chmodSync(join(folder, "shared"), 0o1777); // as /tmp is
    expect(errorOf(() => loadKeys(made)).message).toContain("belongs to uid 65534");
    rmSync(join(folder, "shared"), { recursive: true });
  });

  test("what the user may not read, as a missing privilege", () => {
    addKey(stateDir, alice);
    chmodSync(folder, 0o755);
    chmodSync(stateDir, 0o755);
    const error = asNobody(() => errorOf(() => loadKeys(stateDir)));
    expect(error.message).toContain("EACCES: run as root or as the user that owns it");
    expect(error.exitCode).toBe(ExitCode.privilege);
  });
});

test("addKey() by root leaves the file to the user whose folder it is in", () => {
  chmodSync(folder, 0o755);
  mkdirSync(stateDir, { mode: 0o700 });
  chownSync(stateDir, 65_534, 65_534);
  addKey(stateDir, alice);
  expect(statSync(file)).toMatchObject({ uid: 65_534, gid: 65_534 });
});
