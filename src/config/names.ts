/** Names of users and devices, and the secrets that must not take the place of a name or value. */

const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

/** What `isName` accepts, as a clause of a message. */
export const NAME_RULE =
  'a name of 1 to 32 characters a–z, 0–9, ".", "_" and "-" that begins with a letter or digit';

/** The device of a user who has only one. */
export const DEFAULT_DEVICE = "default";

/** The most users that a table names one by one. */
const MOST_NAMED = 20;

/** In the `users` of a door: everybody who has a key. */
export const EVERYBODY = "*";

/** Whether a door with these `users` admits this user. */
export function admits(users: readonly string[], user: string): boolean {
  return users.includes(EVERYBODY) || users.includes(user);
}

/** The users of a door for people to read, however many they are. */
export function formatUsers(users: readonly string[]): string {
  if (users.includes(EVERYBODY)) return "everybody with a key";
  return users.length > MOST_NAMED ? `${users.length} users` : users.join(", ");
}

/** The user to give a key first, in an example of a command. */
export function exampleUser(users: readonly string[]): string {
  const [first = EVERYBODY] = users;
  return first === EVERYBODY ? "NAME" : first;
}

/** Whether `text` may name a user or a device. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** "alice" for the default device, "alice/laptop" for another. */
export function whoOf(user: string, device: string): string {
  return device === DEFAULT_DEVICE ? user : `${user}/${device}`;
}

/** Whether the name of a key in config.toml is that of a secret, which must not be there. */
export function namesSecret(key: string): boolean {
  return /(^|[_.-])(keys?|secrets?|psk|pass(word|wd|phrase)?|tokens?|master)$/i.test(key);
}

/**
 * Whether text may hold key material: 26 characters of base32, base64 or hexadecimal in a row are
 * 16 bytes, the least that RKS1 allows. Words, paths and addresses have no such long runs.
 */
export function looksSecret(text: string): boolean {
  return /[A-Za-z0-9+=]{26}/.test(text);
}
