/** `sallyport agent --install` and `--remove`: the unit of systemd that runs a user's agent. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { profilesFolder, userUnitsFolder } from "../client/folders.ts";
import { checkProfileName } from "../client/profile-files.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { selfCommand } from "../core/self.ts";
import { agentWords } from "./agent-settings.ts";
import type { AgentSettings } from "./agent-settings.ts";
import { note } from "./knock-options.ts";
import { print } from "./output.ts";
import { printDone, printFiles } from "./unit-options.ts";

const NAME = "sallyport-agent";
const OWN_FOLDER = "make its folder yours, or name another in XDG_CONFIG_HOME";
const USER_RELOAD = ["systemctl", "--user", "daemon-reload"];

function unitPath(): string {
  if (process.platform !== "linux") {
    throw new SallyportError(
      "Cannot write the unit: only Linux has systemd: start the agent with what this system starts at a login",
    );
  }
  return join(userUnitsFolder(), `${NAME}.service`);
}

/**
 * Throws (exit 64) for what cannot name a profile: it may be a link or a key, which the unit and the agent's
 * command line would show to everybody. Notes what else the agent would refuse at its start, where only the
 * journal hears it.
 */
async function checkProfiles(
  names: readonly string[],
  { forward, listen }: AgentSettings,
): Promise<void> {
  for (const name of [...names, ...forward.map(({ profile }) => profile)]) {
    checkProfileName(name, "find the profile");
  }
  const { forwardRoute } = await import("../agent/forward-route.ts");
  const { profilesAtStart } = await import("../agent/saved-profiles.ts");
  const folder = profilesFolder();
  const reads = [
    // Without a proxy, nobody asks for the profiles that it would serve.
    ...(listen === false ? [] : [() => void profilesAtStart(folder, names, note)]),
    ...forward.map((one) => () => void forwardRoute(folder, one)),
  ];
  for (const read of reads) {
    try {
      read();
    } catch (error) {
      note(`the agent will not start: ${messageOf(error)}`);
    }
  }
}

/**
 * Starts nothing. Throws a SallyportError where the unit cannot be written, and (exit 64) for a name that no
 * profile can have.
 */
export async function installAgentUnit(
  names: readonly string[],
  settings: AgentSettings,
  only: boolean,
): Promise<void> {
  const [program = "", ...rest] = selfCommand();
  // systemd takes a program's path literally: other characters cannot be written.
  if (!/^[\w./@:+-]+$/.test(program)) {
    throw new SallyportError(
      `Cannot install: the executable is "${program}": copy it to a path of letters, digits and "._@:+-" only`,
      ExitCode.usage,
    );
  }
  await checkProfiles(names, settings);
  const { agentUnit } = await import("../agent/unit.ts");
  const { writeFiles } = await import("../service/own-files.ts");
  const argv = [program, ...rest, ...agentWords(names, settings)];
  const files = [{ path: unitPath(), text: agentUnit(argv, process.env) }];
  if (only) return printFiles(files, "");
  const next = [USER_RELOAD, ["systemctl", "--user", "enable", "--now", NAME]];
  printDone("Wrote", writeFiles(files, "", OWN_FOLDER), next, "");
}

/** Throws a SallyportError while systemd starts it at each login. */
export async function removeAgentUnit(): Promise<void> {
  const path = unitPath();
  if (existsSync(join(userUnitsFolder(), "default.target.wants", `${NAME}.service`))) {
    throw new SallyportError(
      `Cannot remove ${NAME}.service: it is enabled: run "systemctl --user disable --now ${NAME}" first`,
    );
  }
  const { removeFiles } = await import("../service/own-files.ts");
  const removed = removeFiles([path], "", OWN_FOLDER);
  if (removed.length === 0) print("There is no unit of the agent: nothing was removed");
  printDone("Removed", removed, removed.length === 0 ? [] : [USER_RELOAD], "");
}
