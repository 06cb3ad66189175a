/** Runs the agent of a command line until somebody ends it, and prints what it tells. */

import { profilesFolder } from "../client/folders.ts";
import { systemKnockDeps } from "../client/knock-deps.ts";
import { ExitCode } from "../core/errors.ts";
import type { AgentSettings } from "./agent-settings.ts";
import { dialOptions, note, reporter } from "./knock-options.ts";
import { print, printable } from "./output.ts";

/** A program that retries all day says one thing all day; a longer memory is for nobody. */
const MOST_TOLD = 1_000;

/** Tells each line once, until there were many. */
function onceEach(tell: (line: string) => void): (line: string) => void {
  const told = new Set<string>();
  return (line) => {
    if (told.has(line)) return;
    if (told.size >= MOST_TOLD) told.clear();
    told.add(line);
    tell(line);
  };
}

/** Resolves when somebody wants the process to end. */
function endWanted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => resolve());
    }
  });
}

/** Ends the process. Throws a SallyportError where the agent cannot start. */
export async function runAgentHere(
  names: readonly string[],
  settings: AgentSettings,
): Promise<never> {
  const { listen, forward: forwards, share = false, verbose = false, keep: keepMs } = settings;
  // What programs dial is in these lines, and may be anything.
  const tell = (line: string) => note(printable(line));
  const { runAgent } = await import("../agent/run.ts");
  await runAgent(
    {
      folder: profilesFolder(),
      names,
      proxy: listen === false ? undefined : listen,
      forwards,
      share,
      keepMs,
      dial: dialOptions(settings),
    },
    systemKnockDeps(reporter(verbose)),
    {
      print: (line) => print(printable(line)),
      note: tell,
      report: verbose ? tell : onceEach(tell),
      detail: (line) => {
        if (verbose) tell(line);
      },
    },
    endWanted(),
  );
  // A knock under way would hold the process until its wait is over.
  process.exit(ExitCode.ok);
}
