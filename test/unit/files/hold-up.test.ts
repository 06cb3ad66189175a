/** A call that never returns is ended from another thread, one that returns is left alone. */

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "../../support/programs.ts";

const MODULE = join(import.meta.dir, "../../../src/files/hold-up.ts");

function run(work: string, mostMs: number) {
  const program = `import { endIfHeldUp } from ${JSON.stringify(MODULE)};
    import { readFileSync } from "node:fs";
    console.log(endIfHeldUp(${mostMs}, "Cannot read: a pipe stands there: take it away", () => ${work}));`;
  const { stdout, stderr, exitCode } = spawnSync([process.execPath, "-e", program]);
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("endIfHeldUp() ends the process where the work waits at a named pipe", () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-hold-up-"));
  const pipe = join(folder, "pipe");
  try {
    spawnSync(["mkfifo", pipe]);
    expect(run(`readFileSync(${JSON.stringify(pipe)})`, 200)).toEqual({
      stdout: "",
      stderr: "sallyport: Cannot read: a pipe stands there: take it away\n",
      exitCode: 1,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("endIfHeldUp() returns what the work returns, and the process goes on", () => {
  expect(run("42", 200)).toEqual({ stdout: "42\n", stderr: "", exitCode: 0 });
});
