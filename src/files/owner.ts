/**
 * Root's work in a folder of somebody else, such as the state folder of the service's user. Whoever owns
 * a folder can put a link, a pipe or another file in the place of any name in it, between any two calls.
 * So root does there only what the owner himself could do.
 */

import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, OpError, SallyportError } from "../core/errors.ts";
import { withFileIdentity } from "../native/file-identity.ts";

/** Nobody's group (linux/highuid.h, DEFAULT_OVERFLOWGID): root's own would bring rights the owner has not. */
const NO_GROUP = 65_534;

/** Whether root is about to work in what another user owns. */
export function isForeign(folder: string): boolean {
  return process.geteuid!() === 0 && statSync(folder).uid !== 0;
}

/**
 * Runs `work`, which must not promise anything, with the rights of the folder's owner where root runs
 * this and the folder is another user's; else just runs it. The kernel then refuses whatever the owner
 * could not do himself, however often he changes what a name names: no file of root's is opened, made
 * or changed, and what is made is his from the start. Throws as `work` does, what stat(2) says of the
 * folder, and SallyportError where root lacks the capability to act as somebody else.
 */
export function asOwnerOf<T>(folder: string, work: () => T): T {
  if (process.geteuid!() !== 0) return work();
  const { uid, gid } = statSync(folder);
  if (uid === 0) return work();
  try {
    return withFileIdentity({ uid, gid: gid === 0 ? NO_GROUP : gid }, work);
  } catch (error) {
    if (!(error instanceof OpError) || error.operation !== "take the file rights of") throw error;
    throw new SallyportError(
      `Cannot work in ${folder} as its owner, uid ${uid}: ${error.detail}: run with CAP_SETUID and CAP_SETGID, or as that user`,
      ExitCode.privilege,
      { cause: error },
    );
  }
}

/** Makes a folder (mode 0700) and those above it where they are missing, each with the rights of whoever owns the one it stands in. */
export function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  const above = dirname(folder);
  makeFolder(above);
  asOwnerOf(above, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
}
