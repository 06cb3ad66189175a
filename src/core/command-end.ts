/** How a command ended, as the log and the audit log tell it. */

/** Which command of a door, or that of the alarm. */
export type CommandKind = "open" | "close" | "alarm";

/** A command that ran, or could not. Records of earlier versions lack `command` and `privileged`. */
export interface CommandEnd {
  readonly door: string;
  readonly address: string;
  readonly command?: CommandKind;
  /** Whether it had the privileges of the daemon; else it had none. */
  readonly privileged?: boolean;
  readonly program: string;
  /** The exit status, the signal, or why it could not be started. */
  readonly outcome: string;
}

/** What the command was for: "ssh and 203.0.113.7 (open)". */
export function describePurpose({
  door,
  address,
  command,
}: Pick<CommandEnd, "door" | "address" | "command">): string {
  if (command === "alarm") return `an alarm about ${door} and ${address}`;
  return `${door} and ${address}${command === undefined ? "" : ` (${command})`}`;
}

/** A status that the program chose, or a start that the kernel did not permit. */
const MAY_LACK_PRIVILEGES = /^exited with (?!0$)|\b(?:EACCES|EPERM)\b/;

/** The outcome; after a failure that privileges might have prevented, that there were none. */
export function describeOutcome({
  door,
  command,
  privileged,
  outcome,
}: Pick<CommandEnd, "door" | "command" | "privileged" | "outcome">): string {
  if (privileged !== false || !MAY_LACK_PRIVILEGES.test(outcome)) return outcome;
  const setting = command === "alarm" ? "" : ` (door.${door}.run.privileged)`;
  return `${outcome}: it ran without privileges${setting}`;
}
