/** Writes a file that was not there, for a person. */

import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";

/**
 * Where the text does not fit, nothing stays: the next try would find the name taken. Makes no hard link, as
 * `placeText` does: sticks know none. Throws EEXIST where the name is taken, and the other
 * errors of the file system.
 */
export function writeNewFile(file: string, text: string, mode: number): void {
  const fd = openSync(file, "wx", mode);
  try {
    writeFileSync(fd, text);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
