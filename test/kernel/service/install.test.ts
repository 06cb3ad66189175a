/** Units that root writes below a folder of another user. */

import { expect, test } from "bun:test";
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, SERVICE_UNIT, serviceFiles } from "../../../src/service/install.ts";

const executable = "/usr/local/bin/sallyport";
const config = "/etc/sallyport/config.toml";

test("install() by root writes below another user's folder what he could, and nothing through his links", () => {
  const root = mkdtempSync(join(tmpdir(), "sallyport-root-"));
  const files = serviceFiles({ executable, config, root, user: "sallyport" });
  const system = mkdtempSync(join(tmpdir(), "sallyport-system-"));
  try {
    chownSync(root, 61_234, 61_234);
    install(files, root);
    expect(statSync(root + SERVICE_UNIT)).toMatchObject({ uid: 61_234, mode: 0o100644 });
    rmSync(join(root, "etc"), { recursive: true });
    symlinkSync(system, join(root, "etc"));
    expect(() => install(files, root)).toThrow(/EACCES/);
    expect(readdirSync(system)).toEqual([]);
  } finally {
    rmSync(system, { recursive: true });
    rmSync(root, { recursive: true });
  }
});
