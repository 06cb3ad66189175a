/**
 * Starts the program of a command: an argv and no shell, without descriptors of ours, for a limited
 * time.
 */

import { standInFront } from "../../native/thread-priority.ts";

/** A command gets no part of the daemon's own environment. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

/** How a program ended: by itself with a code, or by a signal. */
export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Starts `argv`, whose first item is an absolute path, with the privileges of the calling thread; it is killed
 * after `limitMs`. Throws, with the errno's name as `code`, when it cannot be started.
 */
export function spawnCommand(argv: readonly string[], limitMs: number): Promise<ProgramEnd> {
  const child = Bun.spawn([...argv], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    cwd: "/",
    env: ENVIRONMENT,
    // A session of its own: signals of a terminal (Ctrl-C, the end of a session) are for the daemon alone.
    detached: true,
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  standInFront(child.pid);
  // A stop does not wait for the program: it goes on by itself.
  child.unref();
  return child.exited.then(() => ({
    exitCode: child.exitCode,
    signal: child.signalCode?.toString() ?? null,
  }));
}
