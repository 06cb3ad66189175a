/** Writes a file whole or not at all, under a name that others may read or take meanwhile. */

import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { removeFile } from "./remove-file.ts";

export interface Placing {
  /** Not reduced by umask(2). */
  readonly mode: number;
  /** "create" throws EEXIST where the name is taken. */
  readonly how: "replace" | "create";
}

/**
 * A reader, or a crash, finds the old text or the new one. Runs with the caller's rights, and
 * throws the errors of the file system.
 */
export function placeText(file: string, text: string, { mode, how }: Placing): void {
  const folder = dirname(file);
  // Hidden, and under an unpredictable name: O_EXCL follows no link that another user put there.
  const beside = join(folder, `.${basename(file)}.${crypto.randomUUID().slice(0, 8)}.new`);
  const fd = openSync(beside, "wx", mode);
  try {
    try {
      fchmodSync(fd, mode);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // A hard link refuses a name that exists; a rename replaces it.
    if (how === "create") linkSync(beside, file);
    else renameSync(beside, file);
    syncFolder(folder);
  } finally {
    removeFile(beside);
  }
}

/** Makes the names in a folder durable, as far as its file system can. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
