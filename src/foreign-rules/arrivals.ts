/** The interfaces by which a stranger's packets arrive, and the addresses they are sent to. */

import { formatAddress } from "../core/address.ts";
import { type Link, readLinks } from "../native/links.ts";
import { readProcNet, rowsOf } from "../native/proc-net.ts";

export interface Arrivals {
  /** At least one, unless lo is the machine's only interface. */
  readonly interfaces: readonly string[];
  readonly addresses: readonly string[];
}

/** Reads the calling thread's network namespace. */
export function readArrivals(): Arrivals {
  return arrivalsOf(readLinks(), readProcNet("route") ?? "", readProcNet("ipv6_route") ?? "");
}

/** `route` and `ipv6_route` are the contents of the files with these names in /proc/net. */
export function arrivalsOf(links: readonly Link[], route: string, ipv6Route: string): Arrivals {
  const outer = new Set([...defaults4(route), ...defaults6(ipv6Route)]);
  const open = links.filter(({ loopback, up }) => up && !loopback);
  // A machine without a route from outside may be reached through any of them.
  const taken = open.filter(({ name }) => outer.has(name));
  return {
    interfaces: (taken.length > 0 ? taken : open).map(({ name }) => name),
    addresses: open.flatMap(({ addresses }) => addresses.map(formatAddress)),
  };
}

/** Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, … */
function defaults4(text: string): string[] {
  return rowsOf(text).flatMap(([name = "", destination, , , , , , mask]) =>
    destination === "00000000" && mask === "00000000" ? [name] : [],
  );
}

/** Destination and its prefix length, source and its, next hop, metric, RefCnt, Use, flags, name */
function defaults6(text: string): string[] {
  return rowsOf(text).flatMap(([destination = "", bits, , , , , , , , name = ""]) =>
    /^0+$/.test(destination) && bits === "00" && name !== "lo" ? [name] : [],
  );
}
