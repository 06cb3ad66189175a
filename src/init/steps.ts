/** The steps from the machine as it is to a guarded door, and which of them are left. */

import { quote } from "../config/mistake.ts";
import { admits } from "../config/names.ts";
import type { Settings } from "../config/settings.ts";
import { commonRanges, formatPortRange, withoutRanges } from "../core/port.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { bareHost } from "../keys/profile.ts";
import { type Answers, formatGuard } from "./answers.ts";

/** What an earlier run, or somebody, has set up already. */
export interface Present {
  /** Undefined: there is no configuration. */
  readonly settings: Settings | undefined;
  /** An example stands in the place of the configuration. */
  readonly replaces: boolean;
  /** The units start at boot. */
  readonly enabled: boolean;
  /** A daemon guards. */
  readonly guards: boolean;
}

export type Step =
  | { readonly type: "config"; readonly replaces: boolean }
  | { readonly type: "key"; readonly user: string }
  | { readonly type: "units" }
  | { readonly type: "start" };

/**
 * `keyed`: users with a key. `start`: whether this machine's systemd is to start the service. Throws
 * a SallyportError where what stands is not what the answers want: nothing that stands is rewritten.
 */
export function stepsLeft(
  answers: Answers,
  present: Present,
  keyed: ReadonlySet<string>,
  start: boolean,
): Step[] {
  const { settings, replaces, enabled, guards } = present;
  if (settings !== undefined) checkAgrees(answers, settings);
  else if (guards) {
    throw new SallyportError(
      "Cannot set up: a sallyport guards this machine already, by another configuration: name it with --config, or stop that one first",
    );
  }
  return [
    ...(settings === undefined ? [{ type: "config", replaces } as const] : []),
    ...answers.users
      .filter((user) => !keyed.has(user))
      .map((user) => ({ type: "key", user }) as const),
    ...(start && !enabled ? [{ type: "units" } as const] : []),
    ...(start && !guards ? [{ type: "start" } as const] : []),
  ];
}

/** What a configuration lacks is told, with the way to write it. */
function checkAgrees({ guard, users, host }: Answers, { server, doors }: Settings): void {
  const missing = withoutRanges(
    guard,
    doors.flatMap(({ opens }) => opens),
  );
  if (missing.length > 0) {
    refuse(
      `it does not guard ${missing.map(formatPortRange).join(", ")}`,
      `write a door for it, or add it to opens`,
    );
  }
  const stranger = users.find(
    (user) =>
      !doors.some((door) => admits(door.users, user) && commonRanges(door.opens, guard).length > 0),
  );
  if (stranger !== undefined) {
    refuse(`no door for ${formatGuard(guard)} names ${stranger}`, `add ${stranger} to its users`);
  }
  if (server.host !== undefined && bareHost(server.host) !== host) {
    refuse(
      `its links name ${quote(server.host)}, not ${quote(host)}`,
      `write host = ${quote(host)} below [server]`,
    );
  }
}

function refuse(state: string, remedy: string): never {
  throw new SallyportError(
    `Cannot set up: there is a configuration already, and ${state}: ${remedy}, then run this again`,
    ExitCode.config,
  );
}

/** One line for each step, beginning with a verb. */
export function describeStep(
  step: Step,
  { config, guard, probation }: { config: string; guard: string; probation: string },
): string {
  switch (step.type) {
    case "config":
      return `write ${config}${step.replaces ? ", in place of the example there" : ""}`;
    case "key":
      return `make a key for ${step.user}`;
    case "units":
      return "let systemd start sallyport at boot, and guard before the network comes up";
    case "start":
      return `guard ${guard} on probation: unless you confirm within ${probation}, it opens again`;
  }
}
