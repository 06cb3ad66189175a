/** A door as the page keeps it: a link whose key nobody can read any more. */

import type { Profile } from "../rks/profile-link.ts";

export interface Door extends Omit<Profile, "key"> {
  /** Tells key and door from all others, and says nothing about the key: hexadecimal. */
  readonly id: string;
  /** Signs and cannot be read, not even by this page. */
  readonly key: CryptoKey;
  /** Go to what the door opens as soon as it is open. */
  readonly launch: boolean;
}

/** The name of the door and its host, as people say it: "ssh on gate.example" in each language. */
export type DoorName = Pick<Door, "door" | "host">;
