/** Removes one file, and tells rightly why it cannot. */

import { lstatSync, rmSync, unlinkSync } from "node:fs";
import { errnoOf } from "../core/system-error.ts";

/** What the runtime's `rmSync` says instead of EPERM and ENOTDIR, and of EISDIR. */
const MISTOLD: ReadonlySet<string> = new Set(["EFAULT", "ERR_FS_EISDIR"]);

/**
 * Does nothing where there is no such file, also where the file system is read-only (EROFS comes first there). Throws
 * the errors of unlink(2).
 */
export function removeFile(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
    if (!MISTOLD.has(errnoOf(error))) throw error;
    unlinkSync(file);
  }
}
