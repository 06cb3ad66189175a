/** Commands of doors that cannot be run here. */

import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { parseSettings } from "../../../src/config/load.ts";
import { programWarnings } from "../../../src/config/program-warnings.ts";
import { StateFolder } from "../../support/store.ts";

function warningsOf(folder: StateFolder, program: string, key = "open"): string[] {
  const run = JSON.stringify([program, "{address}"]);
  return programWarnings(
    parseSettings(
      `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\nrun = { ${key} = ${run} }\n`,
    ),
  );
}

test("programWarnings() tells a command line in one text, and how to part it", () => {
  using folder = new StateFolder();
  expect(warningsOf(folder, "/sbin/iptables -A INPUT")).toEqual([
    'door.ssh.run.open[0] is "/sbin/iptables -A INPUT", which does not exist: there is no shell to part it: write each word as a text of its own: ["/sbin/iptables", "-A", "INPUT", …]',
  ]);
});

test("programWarnings() tells what is missing, is no file or may not be run", () => {
  using folder = new StateFolder();
  const file = folder.file("script");
  const missing = `${file}-missing`;
  expect(warningsOf(folder, missing, "close")).toEqual([
    `door.ssh.run.close[0] is "${missing}", which does not exist: nothing will be run: install it, or write another program`,
  ]);
  expect(warningsOf(folder, folder.path)[0]).toContain("which is no file");
  writeFileSync(file, "#!/bin/sh\n");
  expect(warningsOf(folder, file)[0]).toContain("may not be run by uid");
  chmodSync(file, 0o755);
  expect(warningsOf(folder, file)).toEqual([]);
  const spaced = folder.file("with blanks");
  writeFileSync(spaced, "#!/bin/sh\n", { mode: 0o755 });
  expect(warningsOf(folder, spaced)).toEqual([]);
});

test("programWarnings() tells of the program of an alarm", () => {
  const settings = parseSettings(
    '[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n[alarm]\nrun = ["/nonexistent/alarm"]\n',
  );
  expect(programWarnings(settings)[0]).toStartWith(
    'alarm.run[0] is "/nonexistent/alarm", which does',
  );
});
