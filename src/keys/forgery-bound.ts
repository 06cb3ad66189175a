/** How strong the doors of a configuration are, with the devices that have keys for them now. */

import { ExitCode, SallyportError } from "../core/errors.ts";
import { KeyTable } from "../rks/key-table.ts";
import { FORGERY_LIMIT, forgeryPerDay, portsNeeded } from "../rks/bound.ts";
import type { BoundDoor } from "../rks/bound.ts";
import { formatChance } from "../config/chance.ts";
import type { DeviceKey } from "./keys.ts";
import { EVERYBODY } from "../config/names.ts";
import type { Settings } from "../config/settings.ts";

/** All keys, in either form. */
type Keys = readonly DeviceKey[] | KeyTable;

/** The chance that a day of 1,000,000 forged packets a second opens any rotating door. */
export interface Bound {
  readonly perDay: number;
  readonly limit: number;
  readonly doors: readonly BoundDoor[];
  /**
   * The `ports` that would bring it under the limit; absent when it is under it, or when no number
   * would do.
   */
  readonly portsNeeded?: number;
}

export function boundOf(settings: Settings, keys: Keys): Bound {
  const devicesOf = new Map<string, number>();
  // Only for doors that name users: for doors for everybody the number of keys is enough.
  const rotating = settings.doors.filter(({ users }) => users.length > 0);
  if (rotating.some(({ users }) => !users.includes(EVERYBODY))) {
    const users = keys instanceof KeyTable ? keys.users() : keys.map(({ user }) => user);
    for (const user of users) devicesOf.set(user, (devicesOf.get(user) ?? 0) + 1);
  }
  const devices = (users: readonly string[]) =>
    users.includes(EVERYBODY)
      ? keys.length
      : users.reduce((sum, user) => sum + (devicesOf.get(user) ?? 0), 0);
  const doors = rotating.map(({ name, users, space }) => ({
    door: name,
    devices: devices(users),
    space,
  }));
  const perDay = forgeryPerDay(doors);
  const needed = perDay > FORGERY_LIMIT ? portsNeeded(doors) : undefined;
  return {
    perDay,
    limit: FORGERY_LIMIT,
    doors,
    ...(needed !== undefined && { portsNeeded: needed }),
  };
}

/** The bound as a sentence without a full stop. */
export function formatBound({ perDay }: Bound): string {
  return `chance that a day of 1,000,000 forged packets a second opens any door: ${formatChance(perDay)}`;
}

/** The bound and the limit as a clause, where it is above it. */
function excess(bound: Bound): string | undefined {
  if (bound.perDay <= bound.limit) return undefined;
  return `${formatBound(bound)}, above ${formatChance(bound.limit)}`;
}

/** How weak the doors are with these keys, as a clause; undefined where they are strong enough. */
export function weaknessOf(settings: Settings, keys: Keys): string | undefined {
  return excess(boundOf(settings, keys));
}

/**
 * Returns the bound. Throws (exit 78) above the limit, naming the `ports` that would do; not where the
 * chance is at most `weakness`, the one that is there already.
 */
export function checkBound(settings: Settings, keys: Keys, weakness = 0): Bound {
  const bound = boundOf(settings, keys);
  const weak = excess(bound);
  if (weak === undefined || bound.perDay <= weakness) return bound;
  const remedy =
    bound.portsNeeded === undefined
      ? "widen knock.range, or lower knock.slack"
      : `write ports = ${bound.portsNeeded} in [knock] and in every door that has fewer`;
  throw new SallyportError(`Cannot guard the doors: the ${weak}: ${remedy}`, ExitCode.config);
}
