/** A lock between processes that outlives no killed process. */

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { readBootId } from "./boot-id.ts";
import { asOwnerOf } from "./owner.ts";
import { createPrivateFile, removePrivateFile } from "./private-file.ts";
import { readRegularFile } from "./regular-file.ts";

const TRIES = 250;
const PAUSE_MS = 20;

/**
 * When a process began, in clock ticks since boot: proc(5), field 22 of stat. It distinguishes
 * reused ids.
 */
function startOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses, which may contain blanks.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isAlive(holder: string): boolean {
  const [boot, pid = "", start] = holder.split(" ");
  return boot === readBootId() && startOf(pid) === start;
}

/**
 * Removes the lock of a dead process. Only one process may: the one that makes a file named after
 * this very lock. Otherwise a slow process would remove the lock that a fast one has taken
 * meanwhile.
 */
function breakLock(lock: string, holder: string): void {
  const breaker = `${lock}-${new Bun.CryptoHasher("sha256").update(holder).digest("hex").slice(0, 16)}`;
  if (!createPrivateFile(breaker, "")) return;
  try {
    if (readRegularFile(lock) === holder) removePrivateFile(lock);
  } finally {
    removePrivateFile(breaker);
  }
}

/**
 * Runs `work`, with the rights of the folder's owner (`asOwnerOf`), while no other process runs it
 * for the same file. Waits up to five seconds for another, then throws. The lock is a file beside
 * the file and ends with its process.
 */
export function withFileLock<T>(file: string, work: () => T): T {
  const lock = `${file}.lock`;
  const self = `${readBootId()} ${process.pid} ${startOf(String(process.pid))} ${crypto.randomUUID()}`;
  for (let tries = 0; !createPrivateFile(lock, self); tries++) {
    const holder = readRegularFile(lock);
    if (holder !== undefined && !isAlive(holder)) breakLock(lock, holder);
    else if (tries < TRIES) Bun.sleepSync(PAUSE_MS);
    if (tries >= TRIES) {
      throw new SallyportError(
        `Cannot change ${file}: another command is changing it: try again, or remove ${lock} if none is`,
        ExitCode.failure,
      );
    }
  }
  try {
    return asOwnerOf(dirname(file), work);
  } finally {
    removePrivateFile(lock);
  }
}
