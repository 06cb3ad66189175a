/** Profile links for the devices of a configuration. */

import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { parsePrefix } from "../core/address.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { lacksZone } from "../core/scoped-address.ts";
import { formatProfileLink, parseProfileLink, readHost } from "../rks/profile-link.ts";
import { isPrivate } from "../config/networks.ts";
import type { DeviceKey } from "./keys.ts";
import { quote } from "../config/mistake.ts";
import { admits, whoOf } from "../config/names.ts";
import type { Door, Settings } from "../config/settings.ts";

/** A link is a secret: it holds the device's key. */
export interface DoorLink {
  readonly door: string;
  readonly link: string;
}

function linkTo(door: Door, { user, device, key }: DeviceKey, host: string): string {
  const { lo, hi, ports, stepSeconds, proto } = door.space;
  const terms = { lo, hi, ports, stepSeconds, proto };
  return formatProfileLink({
    ...terms,
    user: whoOf(user, device),
    host,
    door: door.name,
    key,
    // A client waits by connecting to the port that its link names: here that would use up the one
    // connection.
    opens: door.uses === "one" ? [] : door.opens,
  });
}

/** Refuses a host that no client could read back, or reach. */
function checkHost(host: string, link: string): void {
  if (lacksZone(host)) {
    throw new SallyportError(
      `Cannot make a link to ${host}: a link-local address says nothing without an interface: write ${host}%eth0, with the name of the one that leads here on the computer that knocks`,
      ExitCode.usage,
    );
  }
  try {
    if (parseProfileLink(link).host === host) return;
  } catch {
    // The reason quotes nothing of the link: only the host can be wrong.
  }
  throw new SallyportError(
    `Cannot make a link to ${quote(host)}: it is no host: write a name or an address such as "gate.example" or 203.0.113.7`,
    ExitCode.usage,
  );
}

/** A host as it is written outside of links: an IPv6 address without brackets. */
export function bareHost(host: string): string {
  return readHost(host) ?? host.replace(/^\[(.*)\]$/, "$1");
}

/**
 * One link for each door of the device's user, in the order of the file. Throws (exit 64) for a bad
 * host.
 */
export function doorLinks(settings: Settings, device: DeviceKey, host: string): DoorLink[] {
  const bare = bareHost(host);
  return settings.doors
    .filter(({ users }) => admits(users, device.user))
    .map((door) => {
      const link = linkTo(door, device, bare);
      checkHost(bare, link);
      return { door: door.name, link };
    });
}

/**
 * The host by which clients most likely reach this machine: a full name, else a public address,
 * else any address that is neither loopback nor link-local, else the short name.
 */
export function guessHost(
  hostname: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string {
  if (hostname.includes(".") && !hostname.endsWith(".local") && isIP(hostname) === 0) {
    return hostname;
  }
  const addresses = Object.values(interfaces)
    .flatMap((found) => found ?? [])
    .filter(({ internal, address }) => !internal && !/^(fe80|169\.254\.)/i.test(address))
    .map(({ address }) => address);
  const open = addresses.find((address) => {
    const prefix = parsePrefix(address);
    return prefix !== undefined && !isPrivate(prefix);
  });
  return open ?? addresses[0] ?? hostname;
}
