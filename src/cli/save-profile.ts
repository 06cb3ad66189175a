/** Saves a link under a name, and tells how to go on: what `knock --save` and `profile add` have in common. */

import { profilesFolder } from "../client/folders.ts";
import { saveProfile } from "../client/profile-files.ts";
import type { Profile } from "../client/profile-source.ts";
import { missingZone } from "../client/ipv6-zones.ts";
import { note } from "./knock-options.ts";
import { print, printable } from "./output.ts";

/** Throws a SallyportError where the name is taken, unless `force`. */
export function saveAs(name: string, profile: Profile, force: boolean): void {
  const path = saveProfile(profilesFolder(), name, profile, force);
  print(printable(`Saved ${profile.door} on ${profile.host} in ${path}`));
  const reason = missingZone(profile.host);
  if (reason !== undefined) note(`${profile.host} cannot be knocked on as it is: ${reason}`);
  print(`Knock with: sallyport knock ${name}`);
}
