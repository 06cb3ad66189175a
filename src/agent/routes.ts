/** Which profile a dial belongs to: the agent connects to the hosts and ports of links, and nowhere else. */

import { isSameHost } from "../client/dial.ts";
import type { Destination } from "../client/dial.ts";
import { parseAddress, sameAddress, unmapped } from "../core/address.ts";
import { formatPortRange } from "../core/port.ts";
import type { PortRange } from "../core/port.ts";
import type { Profile } from "../client/profile-source.ts";
import { DialError } from "./dial-error.ts";

export interface SavedProfile {
  readonly name: string;
  readonly profile: Profile;
}

/** A way to a port; `profile.host` is the host to knock on. */
export interface Route extends SavedProfile {
  readonly to: Destination;
}

/** TCP ports of one host that the agent connects to. */
export interface Reach {
  readonly host: string;
  readonly from: number;
  readonly to: number;
}

/** The addresses of a name; none where it has none. */
export type LookUp = (host: string) => Promise<readonly string[]>;

function tcpPorts({ opens }: Profile): PortRange[] {
  return opens.filter(({ proto }) => proto === "tcp");
}

/** Whether the link says that its door opens this port. */
export function opensPort(profile: Profile, port: number): boolean {
  return tcpPorts(profile).some(({ from, to }) => from <= port && port <= to);
}

/** The ports as text; "" where the link names none. */
export function portsOf(profile: Profile): string {
  return tcpPorts(profile).map(formatPortRange).join(", ");
}

/** All that the agent connects to for programs that name a host themselves. */
export function reachOf(saved: readonly SavedProfile[]): Reach[] {
  return saved.flatMap(({ profile }) =>
    tcpPorts(profile).map(({ from, to }) => ({ host: profile.host, from, to })),
  );
}

function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => parseAddress(text.replace(/^\[(.*)\]$/, "$1")));
  return a !== undefined && b !== undefined && sameAddress(unmapped(a), unmapped(b));
}

function refuse(message: string): never {
  throw new DialError("forbidden", `Cannot connect to ${message}`);
}

/**
 * The route to a destination: of the first profile, in the order of their names, that has its host and opens
 * its port. Programs that look names up themselves ask for an address: it counts for the host that has it.
 * Throws a DialError where no profile leads there.
 */
export async function findRoute(
  saved: readonly SavedProfile[],
  to: Destination,
  lookUp: LookUp,
): Promise<Route> {
  const { host, port } = to;
  const shown = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const named = saved.filter(
    ({ profile }) => isSameHost(profile.host, host) || isSameAddress(profile.host, host),
  );
  const found = named.find(({ profile }) => opensPort(profile, port));
  if (found !== undefined) return { ...found, to: { host: found.profile.host, port } };
  if (named.length > 0) {
    const ports = named.map(({ profile }) => portsOf(profile)).filter(Boolean);
    refuse(
      `${shown}: ${ports.length === 0 ? "its link names no port: name it with --forward" : `its door opens ${ports.join(", ")}`}`,
    );
  }
  if (parseAddress(host) !== undefined) {
    for (const one of saved.filter(({ profile }) => opensPort(profile, port))) {
      const addresses = await lookUp(one.profile.host);
      if (!addresses.some((address) => isSameAddress(address, host))) continue;
      // Knocked on is this very address: a name may have several, and another server behind each.
      return { ...one, profile: { ...one.profile, host }, to };
    }
  }
  return refuse(`${shown}: no profile leads there: the agent connects to hosts of profiles only`);
}
