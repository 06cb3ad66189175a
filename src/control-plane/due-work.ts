/** Work that depends on the time of day: the wait after a loss of memory, and close commands that are owed. */

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { DoorCommands } from "./commands/door-commands.ts";
import { log } from "./log.ts";
import type { LossWait } from "./loss-wait.ts";

/** Does the due work. Resolves to whether some waits for its time. Does not reject. */
export async function doDueWork(
  clock: Clock,
  lossWait: LossWait,
  commands: DoorCommands,
): Promise<boolean> {
  let unapplied = false;
  try {
    await lossWait.watchClock();
  } catch (error) {
    unapplied = true;
    log("error", messageOf(error));
  }
  const owes = commands.payDue(clock.monotonicMs());
  return lossWait.tell() || owes || unapplied;
}
