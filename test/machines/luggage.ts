/** The packages for a machine, on a disk of their own. */

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/programs.ts";

/** Where the disk is mounted in a machine. */
export const LUGGAGE = "/mnt";

/** A command that mounts it, in this boot or another. */
export const MOUNT = `{ mountpoint -q ${LUGGAGE} || mount -o ro /dev/vdb ${LUGGAGE}; }`;

/** The package of this tree, and one to upgrade from. */
export const PACKAGE = `${LUGGAGE}/sallyport.deb`;
export const PREVIOUS = `${LUGGAGE}/previous.deb`;

/** Packages for one processor. */
export interface Packages {
  /**
   * What users get, compressed less: to undo xz takes an emulated processor a minute.
   * scripts/test-package installs the package with it.
   */
  readonly present: string;
  /** The package to upgrade from. */
  readonly previous: string;
}

/** An older version than any that is made here. */
const OLDER = "0.0.1";

/** Without a `previous` package, `present` under an older number stands for it, in `folder`. */
export function packagesFrom(present: string, folder: string, previous?: string): Packages {
  if (previous !== undefined) return { present, previous };
  const unpacked = join(folder, "unpacked");
  const control = join(unpacked, "DEBIAN/control");
  rmSync(unpacked, { recursive: true, force: true });
  run(["dpkg-deb", "--raw-extract", present, unpacked]);
  const text = readFileSync(control, "utf8");
  writeFileSync(control, text.replace(/^Version: .*$/m, `Version: ${OLDER}`));
  const older = pack(unpacked, join(folder, "older.deb"));
  rmSync(unpacked, { recursive: true });
  return { present, previous: older };
}

function pack(unpacked: string, to: string): string {
  run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", unpacked, to]);
  return to;
}

/** Makes the disk in `folder` and answers its path: of a machine that upgrades, or of one that does not. */
export function packLuggage(packages: Packages, folder: string, upgrades: boolean): string {
  const cases = join(folder, "luggage");
  mkdirSync(cases, { recursive: true });
  copyFileSync(packages.present, join(cases, "sallyport.deb"));
  if (upgrades) copyFileSync(packages.previous, join(cases, "previous.deb"));
  const disk = join(folder, "luggage.disk");
  run(["mkfs.ext4", "-q", "-O", "^metadata_csum_seed,^orphan_file", "-d", cases, disk, "512M"]);
  rmSync(cases, { recursive: true });
  return disk;
}
