/** Removes one file, and tells rightly why it cannot: the runtime's `rmSync` calls EPERM and ENOTDIR EFAULT. */

import { lstatSync, unlinkSync } from "node:fs";

/**
 * Does nothing where there is no such file, also where the file system is read-only (EROFS comes first there). Throws
 * the errors of unlink(2).
 */
export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw error;
  }
}
