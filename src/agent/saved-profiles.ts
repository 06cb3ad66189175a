/** The profiles that the agent serves, read anew for each dial: what is added or removed counts at once. */

import { listProfiles, readProfile } from "../client/profile-files.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import type { SavedProfile } from "./routes.ts";

/**
 * Those of `names`, in this order; all that are saved where it is empty. What cannot be read is left out and
 * told to `report`.
 */
export function savedProfiles(
  folder: string,
  names: readonly string[],
  report: (reason: string) => void,
): SavedProfile[] {
  const orReport = <T>(read: () => readonly T[]): readonly T[] => {
    try {
      return read();
    } catch (error) {
      report(messageOf(error));
      return [];
    }
  };
  const found = names.length === 0 ? orReport(() => listProfiles(folder)) : names;
  return found.flatMap((name) => orReport(() => [{ name, profile: readProfile(folder, name) }]));
}

/**
 * The same at the start of a proxy. Throws a SallyportError where one of `names` cannot be read, or without
 * names none can: the proxy would lead nowhere.
 */
export function profilesAtStart(
  folder: string,
  names: readonly string[],
  report: (reason: string) => void,
): SavedProfile[] {
  if (names.length > 0) return names.map((name) => ({ name, profile: readProfile(folder, name) }));
  const saved = savedProfiles(folder, names, report);
  if (saved.length > 0) return saved;
  if (listProfiles(folder).length === 0) {
    throw new SallyportError(
      'Cannot start the agent: no profile is saved: run "sallyport profile add", and paste a link',
      ExitCode.usage,
    );
  }
  throw new SallyportError(
    "Cannot start the agent: none of the saved profiles can be used: mend them as the lines above say",
    ExitCode.config,
  );
}
