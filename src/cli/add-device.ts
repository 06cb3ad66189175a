/** A new key for a device, and its links: what `user add` and `init` have in common. */

import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { checkBound } from "../keys/forgery-bound.ts";
import { addKey, type DeviceKey, loadKeys, makeKey } from "../keys/keys.ts";
import { serverName } from "../keys/server-name.ts";
import { type LinkOptions, linksOf, type Links } from "./links.ts";

/**
 * Makes the key and keeps it; a running daemon is not told. Throws a SallyportError where anything
 * refuses it; nothing is kept then.
 */
export function addDevice(
  settings: Settings,
  { user, device }: { readonly user: string; readonly device: string },
  options: LinkOptions,
  clock: Clock,
): Links {
  const { stateDir } = settings.server;
  const added: DeviceKey = {
    user,
    device,
    key: makeKey(serverName(settings)),
    addedMs: clock.wallMs(),
  };
  // Before the key is kept: a refusal must leave no half of the work behind, and one device too
  // many must not keep the server from its next start.
  const links = linksOf(settings, added, options);
  checkBound(settings, [...loadKeys(stateDir), added]);
  addKey(stateDir, added);
  return links;
}
