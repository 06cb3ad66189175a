/** What to call a profile that nobody named. */

import { isIP } from "node:net";
import { isProfileName, listProfiles, readProfile } from "./profile-files.ts";
import type { Profile } from "../rks/profile-link.ts";

/** Longest name of a saved profile. */
const MOST_NAME = 32;

/** A saved profile; undefined where there is none of that name, or it cannot be read. */
function saved(folder: string, name: string): Profile | undefined {
  try {
    return readProfile(folder, name);
  } catch {
    return undefined;
  }
}

function leadsToSame(one: Profile, other: Profile): boolean {
  return one.host === other.host && one.door === other.door;
}

/** The name under which this very link is saved; undefined where it is not. */
export function savedAs(folder: string, profile: Profile): string | undefined {
  return listProfiles(folder).find((name) => {
    const found = saved(folder, name);
    return (
      found !== undefined &&
      leadsToSame(found, profile) &&
      Buffer.from(found.key).equals(Buffer.from(profile.key))
    );
  });
}

/**
 * The first part of the host's name ("gate" of gate.example), since most servers have a door "ssh"; with
 * the door behind it where that name leads elsewhere already. The door's name where the host is an address. A number
 * behind that where the name leads elsewhere, too.
 */
export function suggestName(folder: string, profile: Profile): string {
  const { host, door } = profile;
  const label = host.includes(":") || isIP(host) !== 0 ? "" : host.split(".")[0]!.toLowerCase();
  const plain = isProfileName(label) ? label : door;
  const all = listProfiles(folder);
  const isFree = (name: string) => {
    if (!all.includes(name)) return true;
    // Of one that cannot be read, nobody knows where it leads: it is not to be replaced.
    const taken = saved(folder, name);
    return taken !== undefined && leadsToSame(taken, profile);
  };
  const names = plain === door ? [plain] : [plain, `${plain}-${door}`];
  const found = names.map((name) => name.slice(0, MOST_NAME)).find(isFree);
  if (found !== undefined) return found;
  for (let n = 2; ; n++) {
    const name = `${names.at(-1)!.slice(0, MOST_NAME - String(n).length - 1)}-${n}`;
    if (isFree(name)) return name;
  }
}
