/** The client's folders: the XDG base directories, never the server's state folder. */

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** The XDG specification ignores a relative path: it would depend on the working directory. */
function base(environment: Environment, name: string, fallback: string): string {
  const named = environment[name];
  if (named !== undefined && isAbsolute(named)) return named;
  return join(environment["HOME"] ?? homedir(), fallback);
}

/** Holds one profile link in each file, named after the profile. */
export function profilesFolder(environment: Environment = process.env): string {
  return join(base(environment, "XDG_CONFIG_HOME", ".config"), "sallyport", "profiles");
}

/** Holds the used slots: a folder for each key and door. */
export function slotsFolder(environment: Environment = process.env): string {
  return join(base(environment, "XDG_STATE_HOME", ".local/state"), "sallyport", "slots");
}
