/**
 * Commands of doors that cannot be run on this machine, or that somebody else could have written: one sentence each,
 * without full stops.
 */

import { seenFolder } from "../files/owner.ts";
import { whyNotRunnable } from "../files/runnable.ts";
import { formatPath, type Path, quote } from "./mistake.ts";
import type { Settings } from "./settings.ts";
import { doubtsOf, sudoCaller } from "./trust.ts";

/** Checks the programs as the daemon's user, who owns the state folder. */
export function programWarnings(settings: Settings): string[] {
  const { doors, alarm, server } = settings;
  const owner = seenFolder(server.stateDir);
  const trusted = [...(owner === undefined ? [] : [owner.uid]), ...sudoCaller()];
  const commands: (readonly [Path, readonly string[] | undefined])[] = [
    ...doors.flatMap(({ name, run }) =>
      (["open", "close"] as const).map(
        (key) => [["door", name, "run", key, 0], run?.[key]] as const,
      ),
    ),
    [["alarm", "run", 0], alarm?.run],
  ];
  return commands.flatMap(([path, argv]) => {
    const program = argv?.[0];
    if (program === undefined) return [];
    const here = `${formatPath(path)} is ${quote(program)}`;
    const state = whyNotRunnable(program, server.stateDir);
    if (state !== undefined) return [`${here}, which ${state}: ${remedyFor(program)}`];
    return doubtsOf(program, trusted)
      .slice(0, 1)
      .map(
        (doubt) =>
          `${here}: ${doubt.state}, and the daemon runs whatever stands there: ${doubt.remedy}`,
      );
  });
}

/** The usual mistake is a whole command line in one text. */
function remedyFor(program: string): string {
  if (!/\s/.test(program)) return "nothing will be run: install it, or write another program";
  const words = program.trim().split(/\s+/).map(quote).join(", ");
  return `there is no shell to part it: write each word as a text of its own: [${words}, …]`;
}
