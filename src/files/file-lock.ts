/** A lock between processes that outlives no killed process. */

import { closeSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { tryLock } from "../native/lock.ts";
import { asOwnerOf } from "./owner.ts";
import { openPrivateFile } from "./private-file.ts";

const WAIT_MS = 5_000;
const PAUSE_MS = 20;

/** Another process has the lock. */
export class FileBusy extends SallyportError {
  constructor(file: string) {
    super(
      `Cannot change ${file}: another command is changing it: try again when that has ended`,
      ExitCode.failure,
    );
  }
}

/**
 * Runs `work`, with the rights of the folder's owner (`asOwnerOf`), while no other process runs it
 * for the same file. Waits up to `waitMs` for another, then throws FileBusy. The lock is the kernel's, on an empty file
 * beside the file, which stays: nothing that a process writes says who has it.
 */
export function withFileLock<T>(file: string, work: () => T, waitMs = WAIT_MS): T {
  const lock = `${file}.lock`;
  const fd = openPrivateFile(lock);
  try {
    const endMs = performance.now() + waitMs;
    while (!tryLock(fd, lock)) {
      if (performance.now() >= endMs) throw new FileBusy(file);
      Bun.sleepSync(PAUSE_MS);
    }
    return asOwnerOf(dirname(file), work);
  } finally {
    closeSync(fd);
  }
}
