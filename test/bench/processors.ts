/**
 * The processor of each process. The sender has the first one for itself and daemons have the
 * others, as if they were two machines. Left to the scheduler, a daemon that a packet wakes would
 * often queue for milliseconds behind the very sender that waits for it. All contestants are
 * treated alike; with one processor, no process is placed.
 */

import { availableParallelism } from "node:os";
import { run } from "../support/programs.ts";

const COUNT = availableParallelism();

/** The words in front of the command that sends. */
export const AS_SENDER: readonly string[] = COUNT > 1 ? ["taskset", "-c", "0"] : [];

/** Keeps a running daemon, with all its threads and later children, off the sender's processor. */
export function keepOffSender(pids: readonly number[]): void {
  if (COUNT === 1) return;
  for (const pid of pids) run(["taskset", "-acp", `1-${COUNT - 1}`, `${pid}`], { mayFail: true });
}
