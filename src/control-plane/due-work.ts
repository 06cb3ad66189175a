/**
 * Work that comes due: the wait after a loss of memory and close commands that are owed, by the time of day; keys that
 * are to be kept, once no command changes them.
 */

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { DoorCommands } from "./commands/door-commands.ts";
import { log } from "./log.ts";
import type { LastKeeper } from "./last-keeper.ts";
import type { LossWait } from "./loss-wait.ts";

/** Does the due work. Resolves to whether some waits for its time. Does not reject. */
export async function doDueWork(
  clock: Clock,
  lossWait: LossWait,
  commands: DoorCommands,
  keeper: LastKeeper,
): Promise<boolean> {
  let unapplied = false;
  try {
    await lossWait.watchClock();
  } catch (error) {
    unapplied = true;
    log("error", messageOf(error));
  }
  const owes = commands.payDue(clock.monotonicMs());
  const unkept = keeper.again();
  return lossWait.tell() || owes || unapplied || unkept;
}
