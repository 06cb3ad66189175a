/**
 * Work that comes due: the wait after a loss of memory and close commands that are owed, by the time of day; keys that
 * are to be kept, once no command changes them; what the state folder or the kernel refused, once they take it.
 */

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { DoorCommands } from "./commands/door-commands.ts";
import type { GuardAudit } from "./guard/guard-audit.ts";
import { log } from "./log.ts";
import type { LastKeeper } from "./last-keeper.ts";
import type { OwedCloses } from "./owed-closes.ts";
import type { LossWait } from "./loss-wait.ts";

export interface DueWork {
  readonly clock: Clock;
  readonly lossWait: LossWait;
  readonly commands: DoorCommands;
  readonly keeper: LastKeeper;
  readonly guard: Pick<GuardAudit, "keepAgain">;
  readonly closes: Pick<OwedCloses, "again">;
}

/** Does the due work. Resolves to whether some waits for its time. Does not reject. */
export async function doDueWork(due: DueWork): Promise<boolean> {
  const { clock, lossWait, commands, keeper, guard, closes } = due;
  let unapplied = false;
  try {
    await lossWait.watchClock();
  } catch (error) {
    unapplied = true;
    log("error", messageOf(error));
  }
  const owes = commands.payDue(clock.monotonicMs());
  const unkept = keeper.again();
  guard.keepAgain();
  const unclosed = await closes.again();
  return lossWait.tell() || owes || unapplied || unkept || unclosed;
}
