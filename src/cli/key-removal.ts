/** The cost of removing a key, asked before the key goes. */

import { formatAddress } from "../core/address.ts";
import type { Caller } from "../core/caller.ts";
import { type DeviceKey, loadKeys } from "../keys/keys.ts";
import { admits, whoOf } from "../config/names.ts";
import type { Door, Settings } from "../config/settings.ts";
import { SallyportError } from "../core/errors.ts";
import { includesTcp } from "../core/port.ts";
import type { LastOpener } from "../control-plane/audit-access.ts";
import { callerConnection } from "./caller.ts";

/** The user of a command; `device` is undefined where none was named. */
export interface Who {
  readonly user: string;
  readonly device: string | undefined;
}

function isMeant({ user, device }: Who, key: { user: string; device: string }): boolean {
  return key.user === user && (device === undefined || key.device === device);
}

/** Doors that can be opened now, but not without these keys. */
function doorsShut(settings: Settings, keys: readonly DeviceKey[], who: Who): string[] {
  return settings.doors
    .filter(({ users }) => {
      const able = keys.filter((key) => admits(users, key.user));
      return able.length > 0 && able.every((key) => isMeant(who, key));
    })
    .map(({ name }) => name);
}

/** Whether a door opens the port that somebody is connected to; any door where that is unknown. */
function leadsTo({ opens }: Door, { port }: Caller): boolean {
  return port === undefined || includesTcp(opens, port);
}

/**
 * The opening by which the caller came in, where one of these keys made it. Without a log it is
 * unknown.
 */
async function ownOpening(
  { doors, server }: Settings,
  caller: Caller,
  who: Who,
): Promise<LastOpener | undefined> {
  const { openersAt } = await import("../control-plane/audit-access.ts");
  const entered = new Set(doors.filter((door) => leadsTo(door, caller)).map(({ name }) => name));
  return openersAt(server.stateDir, caller.address).find(
    (opener) => isMeant(who, opener) && entered.has(opener.door),
  );
}

/**
 * Throws a SallyportError where a door would be left without a key, or the caller would be cut off.
 */
export async function checkRemoval(
  settings: Settings,
  who: Who,
  keepSessions: boolean,
): Promise<void> {
  const named = who.device === undefined ? who.user : whoOf(who.user, who.device);
  const shut = doorsShut(settings, loadKeys(settings.server.stateDir), who);
  if (shut.length > 0) {
    throw new SallyportError(
      `Cannot remove ${named}: nobody could open ${shut.join(", ")} any more: add another key first, or repeat the command with --yes`,
    );
  }
  const caller = keepSessions ? undefined : callerConnection();
  if (caller === undefined) return;
  const own = await ownOpening(settings, caller, who);
  if (own === undefined) return;
  throw new SallyportError(
    `Cannot remove ${named}: you are connected from ${formatAddress(caller.address)}, which ${whoOf(own.user, own.device)} opened ${own.door} to, and would be cut off: repeat the command with --keep-sessions, or with --yes`,
  );
}
