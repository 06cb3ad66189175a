/** Whose configuration is trusted, beyond what `findConfig` asks. */

import { expect, test } from "bun:test";
import { chownSync, lchownSync, renameSync, symlinkSync } from "node:fs";
import { standingConfig } from "../../../src/config/find.ts";
import { run } from "../../support/programs.ts";
import { workInOwnFolder } from "../../support/working-folder.ts";

workInOwnFolder();

test("the remedy for somebody else's link changes the link", () => {
  renameSync("config.toml", "real.toml");
  symlinkSync("real.toml", "config.toml");
  lchownSync("config.toml", 65_533, 65_533);
  expect(standingConfig("config.toml", false).requireTrust).toThrow(
    'it belongs to uid 65533, and root would run the commands in it: run "chown -h root config.toml"',
  );
});

test("a service trusts nobody for having called sudo", () => {
  chownSync("config.toml", 65_533, 65_533);
  process.env["SUDO_UID"] = "65533";
  expect(standingConfig(undefined, true).requireTrust).not.toThrow();
  expect(standingConfig("config.toml", false).requireTrust).toThrow("it belongs to uid 65533");
});

test("in a container, a file of the host's root is trusted that nobody there can write to", () => {
  const module = new URL("../../../src/config/find.ts", import.meta.url).pathname;
  const script = `const { standingConfig } = await import(${JSON.stringify(module)});
    standingConfig("config.toml", false).requireTrust(); console.log("trusted");`;
  // The mapping leaves out the owner of the file, and of its folder.
  chownSync("config.toml", 7, 7);
  chownSync(".", 7, 7);
  const within = (...words: string[]) =>
    run(["unshare", "--user", "--map-root-user", ...words, process.execPath, "-e", script], {
      mayFail: true,
    });
  expect(within().out).toContain("trusted");
  expect(run([process.execPath, "-e", script], { mayFail: true }).err).toContain(
    "belongs to uid 7",
  );
});
