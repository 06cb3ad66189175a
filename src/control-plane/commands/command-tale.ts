/** The parts of a command that tell of it: in the log, and at its end in the audit log. */

import { type CommandEnd, describeOutcome, describePurpose } from "../../core/command-end.ts";
import type { Command } from "./command-queue.ts";

/** `ended` receives the end once. */
export function commandTale(
  facts: Required<Omit<CommandEnd, "outcome">>,
  ended: (end: CommandEnd) => void,
): Required<Pick<Command, "what" | "tell" | "ended">> {
  return {
    what: describePurpose(facts),
    tell: (outcome) => describeOutcome({ ...facts, outcome }),
    ended: (outcome) => ended({ ...facts, outcome }),
  };
}
