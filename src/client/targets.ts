/** The addresses of a host that a knock may go to, in the order a later connection would try them. */

import type { Family } from "../core/address.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import { readHost } from "../rks/profile-link.ts";
import { isScoped } from "./ipv6-zones.ts";

/** A literal address to knock on. */
export interface Target {
  /** A link-local address has its interface: "fe80::1%eth0". */
  readonly address: string;
  readonly family: Family;
}

/**
 * The resolver's order with the two families in turn, beginning with its first: a second knock
 * tries the other family before a second address of the same family.
 */
export function interleaveFamilies(targets: readonly Target[]): Target[] {
  const first = targets.filter((target) => target.family === targets[0]?.family);
  const second = targets.filter((target) => target.family !== targets[0]?.family);
  const rounds = Math.max(first.length, second.length);
  return Array.from({ length: rounds }, (_, i) => [first[i], second[i]])
    .flat()
    .filter((target) => target !== undefined);
}

async function lookUp(host: string): Promise<Target[]> {
  try {
    // The C library's resolver (nsswitch, mDNS, /etc/hosts), as ssh uses it: the same addresses in the same order.
    const found = await Bun.dns.lookup(host, { backend: "system" });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (error) {
    const reason = messageOf(error).replace(/^getaddrinfo /, "");
    const known = reason === "ENOTFOUND" ? "no such name" : reason;
    throw new SallyportError(
      `Cannot look up ${host}: ${known}: check its spelling and this computer's DNS`,
      undefined,
      { cause: error },
    );
  }
}

/** Whether this computer has a route to an address. Connecting a UDP socket asks the kernel and sends nothing. */
async function hasRoute({ address, family }: Target): Promise<boolean> {
  try {
    const socket = await Bun.udpSocket({
      hostname: family === 6 ? "::" : "0.0.0.0",
      connect: { hostname: address, port: 9 },
    });
    socket.close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Looks a host up, which is a name or an address, with or without brackets. Returns those of its
 * addresses of `family` (undefined: both) that this computer has a route to, at least one. Throws a
 * SallyportError that says which step failed.
 */
export async function findTargets(given: string, family: Family | undefined): Promise<Target[]> {
  const host = readHost(given) ?? given.replace(/^\[(.*)\]$/, "$1");
  const all: readonly Target[] = isScoped(host)
    ? [{ address: host, family: 6 }]
    : await lookUp(host);
  const wanted = all.filter((target) => family === undefined || target.family === family);
  if (wanted.length === 0) {
    throw new SallyportError(
      `Cannot knock on ${host} over IPv${family}: it has no such address: leave out -${family}`,
    );
  }
  const routed = await Promise.all(wanted.map(hasRoute));
  const reachable = wanted.filter((_, i) => routed[i]);
  if (reachable.length === 0) {
    for (const { address } of wanted) isScoped(address); // a name may have one without its interface
    const addresses = wanted.map((target) => target.address).join(", ");
    throw new SallyportError(
      `Cannot knock on ${host}: this computer has no route to ${addresses}: connect it to a network that does`,
    );
  }
  return interleaveFamilies(reachable);
}
