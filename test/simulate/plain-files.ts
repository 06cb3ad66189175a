/**
 * Stands between the program and plain files: tells of each step, which may be refused or be the last one. No file of
 * the program does so, and full disks and power cuts need it.
 */

import { mock } from "bun:test";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";

/** The file system itself, for whoever simulates. */
export const real = { ...fs };

/** "written": a text got its name. "synced": what a file or folder holds is on the disk. */
export type FileStep = "make" | "write" | "sync" | "synced" | "rename" | "written" | "remove";

export interface FileWatch {
  /**
   * Is told of each step before it, of "written" and "synced" after it; may throw in its place. `from`: the name that a
   * text had before it got this one.
   */
  step(step: FileStep, path: string, from?: string): void;
}

let watch: FileWatch | undefined;

void mock.module("node:fs", () => ({
  ...fs,
  openSync(path: string, flags: string | number, mode?: number) {
    if (flags === "wx") watch?.step("make", path);
    return real.openSync(path, flags, mode);
  },
  writeFileSync(file: string | number, ...rest: [string]) {
    watch?.step("write", pathOf(file));
    real.writeFileSync(file, ...rest);
  },
  fsyncSync(fd: number) {
    watch?.step("sync", pathOf(fd));
    real.fsyncSync(fd);
    watch?.step("synced", pathOf(fd));
  },
  renameSync(from: string, to: string) {
    watch?.step("rename", to);
    real.renameSync(from, to);
    watch?.step("written", to, from);
  },
  linkSync(from: string, to: string) {
    watch?.step("rename", to);
    real.linkSync(from, to);
    watch?.step("written", to, from);
  },
  unlinkSync(path: string) {
    watch?.step("remove", path);
    real.unlinkSync(path);
  },
}));

/** Replaces the watch before; undefined: nobody watches. */
export function watchPlainFiles(by: FileWatch | undefined): void {
  watch = by;
}

/** The path that a text is written for, also while it stands beside it under a name of its own. */
export function placeOf(path: string): string {
  const name = /^\.(.+)\.[0-9a-f]{8}\.new$/.exec(basename(path))?.[1];
  return name === undefined ? path : join(dirname(path), name);
}

function pathOf(file: string | number): string {
  return typeof file === "number" ? real.readlinkSync(`/proc/self/fd/${file}`) : file;
}
