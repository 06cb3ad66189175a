/** The sources of a profile: a saved name, a link, or a link on standard input. */

import { pickLink } from "../rks/pick-link.ts";
import { parseProfileLink } from "../rks/profile-link.ts";
import type { Profile } from "../rks/profile-link.ts";
import { readProfile } from "./profile-files.ts";
import { readLink } from "./read-link.ts";

export { firstTcpPort, formatProfileLink } from "../rks/profile-link.ts";
export type { Profile } from "../rks/profile-link.ts";

/** Standard input, as an argument. */
export const STDIN = "-";

/**
 * Whether an argument is meant as a link, whole or broken. Generous, because an argument taken for
 * a link is never quoted in a message.
 */
export function looksLikeLink(text: string): boolean {
  return /^rks\d|:\/\/|key=/i.test(text);
}

/** Whether an argument is the key of a link, without the link around it: base32 of 32 bytes, padded or not. */
export function looksLikeKey(text: string): boolean {
  return /^[a-z2-7]{52}=*$/i.test(text);
}

/**
 * Reads the profile that an argument names. Throws a SallyportError, which quotes nothing of a
 * link.
 */
export async function openProfile(argument: string, folder: string): Promise<Profile> {
  if (argument === STDIN) return parseProfileLink(await readLink("Profile link (not shown): "));
  if (looksLikeLink(argument)) return parseProfileLink(pickLink(argument));
  return readProfile(
    folder,
    argument,
    `save its link with "sallyport knock --save ${argument}"; for a fixed sequence, name the ports after the host`,
  );
}
