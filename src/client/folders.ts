/** The client's folders: the XDG base directories, never the server's state folder. */

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { SallyportError } from "../core/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Throws a SallyportError where there is none: a user without an entry in the system's list, as
 * containers have them. A relative HOME, the empty one among them, would put keys and slots wherever
 * the program is started.
 */
function home(environment: Environment, instead: string): string {
  const named = environment["HOME"];
  if (named !== undefined && isAbsolute(named)) return named;
  let known = "";
  try {
    known = homedir();
  } catch {
    // Nobody knows this user.
  }
  if (isAbsolute(known)) return known;
  throw new SallyportError(
    `Cannot find your home folder: HOME names none, and neither does this system's list of users: set HOME, or ${instead}`,
  );
}

/** The XDG specification ignores a relative path: it would depend on the working directory. */
function base(environment: Environment, name: string, fallback: string): string {
  const named = environment[name];
  if (named !== undefined && isAbsolute(named)) return named;
  return join(home(environment, name), fallback);
}

/** Holds one profile link in each file, named after the profile. */
export function profilesFolder(environment: Environment = process.env): string {
  return join(base(environment, "XDG_CONFIG_HOME", ".config"), "sallyport", "profiles");
}

/** Holds the used slots: a folder for each key and door. */
export function slotsFolder(environment: Environment = process.env): string {
  return join(base(environment, "XDG_STATE_HOME", ".local/state"), "sallyport", "slots");
}

/** Holds the units of systemd for this user. */
export function userUnitsFolder(environment: Environment = process.env): string {
  return join(base(environment, "XDG_CONFIG_HOME", ".config"), "systemd", "user");
}
