/**
 * Who runs where. The sender has the first processor for itself and daemons have the others, as if they were
 * two machines: left to the scheduler, a daemon that a packet wakes would often queue for milliseconds behind
 * the very sender that waits for it. Everyone is treated alike; with one processor nobody is placed.
 */

import { availableParallelism } from "node:os";
import { run } from "../support/programs.ts";

const COUNT = availableParallelism();

/** In front of the command that sends. */
export const AS_SENDER: readonly string[] = COUNT > 1 ? ["taskset", "-c", "0"] : [];

/** Keeps a running daemon, all its threads and what it starts from now on, off the sender's processor. */
export function keepOffSender(pids: readonly number[]): void {
  if (COUNT === 1) return;
  for (const pid of pids) run(["taskset", "-acp", `1-${COUNT - 1}`, `${pid}`], { mayFail: true });
}
