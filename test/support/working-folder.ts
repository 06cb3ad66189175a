/** A working folder of its own for each test of a file, with a config.toml in it, as users have. */

import { afterEach, beforeEach } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Each test of the file works in such a folder, called by no sudo. */
export function workInOwnFolder(): void {
  const home = process.cwd();
  const sudoUid = process.env["SUDO_UID"];
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-working-"));
    writeFileSync(join(folder, "config.toml"), "");
    process.chdir(folder);
    delete process.env["SUDO_UID"];
  });

  afterEach(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
    if (sudoUid === undefined) delete process.env["SUDO_UID"];
    else process.env["SUDO_UID"] = sudoUid;
  });
}
