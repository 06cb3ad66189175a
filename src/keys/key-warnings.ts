/** Warnings about users and keys that may not be meant. */

import { EVERYBODY } from "../config/names.ts";
import type { Settings } from "../config/settings.ts";
import { KeyTable } from "../rks/key-table.ts";
import type { DeviceKey } from "./keys.ts";

/** Warnings about users and keys that do not go together. */
export function keyWarnings(
  settings: Settings,
  keys: readonly Pick<DeviceKey, "user">[] | KeyTable,
): string[] {
  const named = new Set(settings.doors.flatMap(({ users }) => users));
  const holders = new Set(keys instanceof KeyTable ? keys.users() : keys.map(({ user }) => user));
  const everybody = named.delete(EVERYBODY);
  const keyless = [...named].filter((user) => !holders.has(user));
  const doorless = everybody ? [] : [...holders].filter((user) => !named.has(user));
  return [
    ...keyless.map((user) => `${user} has no key: run "sallyport user add ${user}"`),
    ...doorless.map(
      (user) => `${user} has a key and no door names them: add "${user}" to a door's users`,
    ),
  ];
}
