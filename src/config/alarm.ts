/** `[alarm]`: the command that runs when somebody seems to listen on the path. */

import { checkCommand } from "./run-command.ts";
import type { Mistake } from "./mistake.ts";
import type { AlarmTable } from "./schema.ts";

/**
 * The placeholders of an alarm's command: a knock, its first user's address, and the other
 * sender's.
 */
export const ALARM_PLACEHOLDERS = ["door", "user", "device", "address", "first_address"] as const;

export type AlarmPlaceholder = (typeof ALARM_PLACEHOLDERS)[number];

export function checkAlarm({ run }: AlarmTable, report: (mistake: Mistake) => void): void {
  if (run === undefined) return;
  checkCommand(run, ["alarm", "run"], { known: ALARM_PLACEHOLDERS }, report);
}
