/** Runs a script of this folder on a small file system of its own, in a mount namespace that ends with it. */

import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "../../support/programs.ts";

/**
 * `mount` is the path of the file system, for that script only. Returns the JSON that it printed.
 */
export function onTmpfs(script: string, scenario: string, size: string): unknown {
  const mount = mkdtempSync(join(tmpdir(), "sallyport-mount-"));
  try {
    const inside = 'mount -t tmpfs -o size="$1",mode=700 tmpfs "$2" && exec "$3" "$4" "$2" "$5"';
    const argv = [size, mount, process.execPath, join(import.meta.dir, script), scenario];
    const done = spawnSync(
      ["unshare", "--mount", "--propagation", "private", "sh", "-c", inside, "sh", ...argv],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 60_000 },
    );
    if (done.exitCode !== 0) throw new Error(`${scenario}: ${done.stderr.toString()}`);
    return JSON.parse(done.stdout.toString());
  } finally {
    rmdirSync(mount);
  }
}
