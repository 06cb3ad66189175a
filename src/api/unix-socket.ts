/** A place in the file system for the control socket: free, private, and truly ours. */

import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { codeOf } from "../core/system-error.ts";
import { OpError } from "../core/errors.ts";

/** `bind(2)` alone sets a socket's mode from its first moment on, and takes it from the umask. */
const OWNER_ONLY = 0o177;

function cannotListen(path: string, detail: string, remedy: string, cause?: unknown): OpError {
  return new OpError({ operation: "listen on", object: path, detail, code: 0, remedy }, { cause });
}

/** Whether somebody accepts connections at `path`. */
async function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  // EAGAIN is a full queue: the listener lives and is only slow.
  socket.once("error", (error) =>
    resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error) ?? "")),
  );
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/**
 * Makes the folder of the socket (mode 0700 where it is missing) and removes the file that a dead
 * daemon left at `path`. Throws OpError when a living process listens there, or when the file is
 * not a socket.
 */
export async function clearSocketPath(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw cannotListen(path, "the file there is not a socket", "move it, or set [api].socket");
  }
  if (await answers(path)) {
    throw cannotListen(
      path,
      "another sallyport listens there",
      "stop that one first, or set [api].socket",
    );
  }
  unlinkSync(path);
}

/** Which file a path leads to; undefined where there is none. Throws where nobody may look. */
export function fileAt(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

/**
 * Runs `bind`, which must bind before it returns, so that only the owner can open the socket
 * (0600).
 */
export function bindPrivately<T>(bind: () => T): T {
  const before = process.umask(OWNER_ONLY);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}
