/**
 * A machine where `install` ran before a package came: which files go over to the package, and
 * which do not.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { handOver } from "../../../src/service/handover.ts";
import {
  broughtByPackage,
  guardFiles,
  install,
  serviceFiles,
} from "../../../src/service/install.ts";
import { PACKAGED, packagedFiles } from "../../../src/service/packaged.ts";
import { ENABLED, GUARD_UNIT, SERVICE_UNIT, SYSUSERS } from "../../../src/service/places.ts";
import { sealed } from "../../../src/service/own-files.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sallyport-handover-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = (executable = "/usr/local/bin/sallyport") => ({
  executable,
  config: "/etc/sallyport/config.toml",
  root,
});

function installByHand(user = "sallyport"): void {
  install(serviceFiles({ ...options(), user }), root);
  install(guardFiles(options()), root);
}

function enable(unit: string): string {
  const link = root + ENABLED[unit];
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(unit, link);
  return link;
}

function bringPackage(): void {
  for (const { path, text } of packagedFiles()) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
  }
}

test("handOver() leaves all as it is where no package brought units", () => {
  installByHand();
  expect(handOver(root)).toEqual({ removed: [], kept: [] });
  expect(existsSync(root + SERVICE_UNIT)).toBe(true);
});

test("handOver() takes away what install wrote, and what was enabled stays enabled, by the package's unit", () => {
  installByHand();
  const link = enable(SERVICE_UNIT);
  bringPackage();
  expect(handOver(root)).toEqual({
    removed: [root + SYSUSERS, root + SERVICE_UNIT, root + GUARD_UNIT],
    kept: [],
  });
  expect(readlinkSync(link)).toBe(PACKAGED[SERVICE_UNIT]!);
  // A unit that was not enabled is not enabled now.
  expect(lstatSync(root + ENABLED[GUARD_UNIT], { throwIfNoEntry: false })).toBeUndefined();
  expect(handOver(root)).toEqual({ removed: [], kept: [] });
});

test("handOver() takes over from an install of another version, whose sandbox was another", () => {
  installByHand();
  bringPackage();
  const [, older = ""] = /^[^\n]*\n([^]*)$/.exec(readFileSync(root + SERVICE_UNIT, "utf8"))!;
  writeFileSync(root + SERVICE_UNIT, sealed(older.replace(/^PrivateTmp=.*\n/m, "")));
  expect(handOver(root).removed).toContain(root + SERVICE_UNIT);
});

test("handOver() keeps what says something else than the package: another user, changes, another's unit", () => {
  installByHand("door");
  appendFileSync(root + GUARD_UNIT, "# mine\n");
  bringPackage();
  expect(handOver(root)).toEqual({
    removed: [],
    kept: [
      { path: root + SYSUSERS, why: expect.stringContaining("another user") },
      { path: root + SERVICE_UNIT, why: expect.stringContaining("another user") },
      { path: root + GUARD_UNIT, why: "somebody changed it by hand" },
    ],
  });
  writeFileSync(root + SERVICE_UNIT, "[Service]\nExecStart=/bin/true\n");
  expect(handOver(root).kept[1]).toEqual({
    path: root + SERVICE_UNIT,
    why: "sallyport did not write it",
  });
});

test("install() writes nothing that a package brought word for word, and says by which files", () => {
  bringPackage();
  const files = serviceFiles({ ...options("/usr/bin/sallyport"), user: "sallyport" });
  expect(install(files, root)).toEqual([]);
  expect(broughtByPackage(files, root)).toEqual(files.map(({ path }) => root + PACKAGED[path]));
  const other = serviceFiles({ ...options("/usr/bin/sallyport"), user: "root" });
  expect(install(other, root)).toEqual([root + SERVICE_UNIT]);
  expect(broughtByPackage(other, root)).toEqual([]);
});
