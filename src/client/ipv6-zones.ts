/** The interfaces of this computer through which link-local addresses can be reached. */

import { networkInterfaces } from "node:os";
import type { NetworkInterfaceInfo } from "node:os";
import { SallyportError } from "../core/errors.ts";
import { lacksZone, parseScoped } from "../core/scoped-address.ts";

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * Name and number of each interface with a link-local address of its own: only such an interface
 * sends to another's.
 */
function zonesOf(interfaces: Interfaces): Map<string, string> {
  const zones = new Map<string, string>();
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    const own = addresses.find(({ address }) => lacksZone(address.replace(/%.*$/, "")));
    if (own?.family === "IPv6") zones.set(name, String(own.scopeid));
  }
  return zones;
}

/**
 * Why `host` cannot be knocked on from here without an interface; undefined where none is missing.
 */
export function missingZone(
  host: string,
  interfaces: Interfaces = networkInterfaces(),
): string | undefined {
  const zones = zonesOf(interfaces);
  const names = [...zones.keys()];
  if (lacksZone(host)) {
    const remedy =
      names.length === 0
        ? `write ${host}%eth0, with its name, and bring it up`
        : `write ${host}%${names.join(" or %")}`;
    return `a link-local address says nothing without the interface that leads there: ${remedy}`;
  }
  const zone = parseScoped(host)?.zone;
  if (zone === undefined || zones.has(zone) || [...zones.values()].includes(zone)) return undefined;
  const remedy = names.length === 0 ? "bring it up" : `write ${names.join(" or ")} in its place`;
  return `no interface ${zone} of this computer is up with a link-local address: ${remedy}`;
}

/**
 * Whether `host` is a link-local address with its interface. Throws a SallyportError with the
 * reason of `missingZone`, if there is one.
 */
export function isScoped(host: string): boolean {
  const reason = missingZone(host);
  if (reason !== undefined) throw new SallyportError(`Cannot knock on ${host}: ${reason}`);
  return parseScoped(host) !== undefined;
}
