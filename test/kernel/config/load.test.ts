/** A config.toml that the user may not read. */

import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { loadSettings } from "../../../src/config/load.ts";
import { ExitCode, type SallyportError } from "../../../src/core/errors.ts";
import { asNobody } from "../../support/nobody.ts";
import { StateFolder } from "../../support/store.ts";

test("loadSettings() tells a user without the right to read it (77)", () => {
  using folder = new StateFolder();
  const file = folder.file("config.toml");
  writeFileSync(file, "");
  chmodSync(file, 0o600);
  chmodSync(folder.path, 0o755);
  try {
    asNobody(() => loadSettings(file));
    throw new Error("was read");
  } catch (error) {
    expect((error as SallyportError).exitCode).toBe(ExitCode.privilege);
    expect((error as Error).message).toContain("EACCES: run as root");
  }
});
