/** Commands of doors that the daemon's user cannot run, or that others could have written. */

import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { parseSettings } from "../../../src/config/load.ts";
import { programWarnings } from "../../../src/config/program-warnings.ts";
import { asNobody } from "../../support/nobody.ts";
import { StateFolder } from "../../support/store.ts";

function warningsOf(folder: StateFolder, program: string, key = "open"): string[] {
  const run = JSON.stringify([program, "{address}"]);
  return programWarnings(
    parseSettings(
      `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\nrun = { ${key} = ${run} }\n`,
    ),
  );
}

test("programWarnings() asks as the daemon's user, who owns the state folder", () => {
  using folder = new StateFolder();
  using others = new StateFolder();
  const inside = others.file("private/script");
  mkdirSync(others.file("private"), { mode: 0o700 });
  chmodSync(others.path, 0o755);
  writeFileSync(inside, "#!/bin/sh\n", { mode: 0o755 });
  const own = others.file("script");
  writeFileSync(own, "#!/bin/sh\n", { mode: 0o744 });
  expect([inside, own].flatMap((file) => warningsOf(folder, file))).toEqual([]);
  chownSync(folder.path, 65_533, 65_533);
  expect(warningsOf(folder, inside)[0]).toContain("is in a folder that uid 65533 may not enter");
  expect(warningsOf(folder, own)[0]).toContain("may not be run by uid 65533");
});

test("programWarnings() tells of programs that others could have written, by whatever name", () => {
  using folder = new StateFolder();
  using others = new StateFolder();
  const script = others.file("script");
  const link = others.file("link");
  writeFileSync(script, "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync(script, link);
  expect([script, link].flatMap((file) => warningsOf(folder, file))).toEqual([]);
  chmodSync(script, 0o757);
  for (const file of [script, link]) {
    expect(warningsOf(folder, file, "close")).toEqual([
      `door.ssh.run.close[0] is "${file}": everybody may write to it, and the daemon runs whatever stands there: run "chmod o-w ${script}"`,
    ]);
  }
  chmodSync(script, 0o755);
  chownSync(script, 65_533, 0);
  expect(warningsOf(folder, script)).toEqual([
    expect.stringContaining(
      `: it belongs to uid 65533, and the daemon runs whatever stands there: run "chown root ${script}"`,
    ),
  ]);
  // The daemon's own user has its rights already.
  chmodSync(others.path, 0o755);
  chownSync(folder.path, 65_533, 65_533);
  expect(warningsOf(folder, script)).toEqual([]);
});

test("programWarnings() asks for the caller where the state folder cannot be seen", () => {
  using parent = new StateFolder();
  using others = new StateFolder();
  const hidden = { path: parent.file("state") } as StateFolder;
  mkdirSync(hidden.path);
  chmodSync(parent.path, 0o700);
  chmodSync(others.path, 0o755);
  const script = others.file("script");
  writeFileSync(script, "#!/bin/sh\n", { mode: 0o755 });
  expect(asNobody(() => warningsOf(hidden, script))).toEqual([]);
  const without = parseSettings(
    `[server]\nstate_dir = "${hidden.path}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`,
  );
  expect(asNobody(() => programWarnings(without))).toEqual([]);
});
