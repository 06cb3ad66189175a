/** `[alarm]`: the command that runs when somebody seems to be listening on the path. */

import { checkCommand } from "./run-command.ts";
import type { Mistake } from "./mistake.ts";
import type { AlarmTable } from "./schema.ts";

/** What an alarm's command can be told: a knock, who used it first, and who sent it too. */
export const ALARM_PLACEHOLDERS = ["door", "user", "device", "address", "first_address"] as const;

export type AlarmPlaceholder = (typeof ALARM_PLACEHOLDERS)[number];

export function checkAlarm({ run }: AlarmTable, report: (mistake: Mistake) => void): void {
  if (run === undefined) return;
  checkCommand(run, ["alarm", "run"], { known: ALARM_PLACEHOLDERS }, report);
}
