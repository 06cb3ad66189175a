/** Tells of folders whose names reach the disk: no file of the program says so, and power cuts need it. */

import { mock } from "bun:test";
import * as fs from "node:fs";

const { fsyncSync, readlinkSync } = fs;

/** Receives the path of whatever is synced. */
let listener: (path: string) => void = () => {};

void mock.module("node:fs", () => ({
  ...fs,
  fsyncSync(fd: number) {
    fsyncSync(fd);
    listener(readlinkSync(`/proc/self/fd/${fd}`));
  },
}));

/** Replaces the listener before. */
export function listenForSyncs(to: (path: string) => void): void {
  listener = to;
}
