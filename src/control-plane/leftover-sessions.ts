/**
 * Sessions outlive the grant that let them in. When a key goes, the sessions that last came in by
 * it go too: the audit log knows which device opened which door to which address.
 */

import { maskAddress, parsePrefix, type Prefix, sameAddress } from "../core/address.ts";
import type { Grant } from "../core/grant.ts";
import { type PortRange, rangesOverlap } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import type { LastOpener } from "../store/audit-query.ts";

/**
 * The most addresses to search for each removal, the newest first; each search reads all tracked
 * flows.
 */
const MOST_PLACES = 64;

export interface Place {
  readonly door: string;
  /** In the form of a grant's address. */
  readonly address: string;
}

/** A place and the ports whose sessions end there. */
export interface Leftover extends Place {
  readonly prefix: Prefix;
  readonly ports: readonly PortRange[];
}

export interface LeftoverFacts {
  readonly openers: readonly LastOpener[];
  /** Whether this device's key is gone. */
  readonly isGone: (user: string, device: string) => boolean;
  readonly doors: readonly Door[];
  /** Living grants: the sessions that they let in belong to them. */
  readonly grants: readonly Grant[];
  readonly alwaysAllow: readonly Prefix[];
}

function overlap(a: Prefix, b: Prefix): boolean {
  const bits = Math.min(a.bits, b.bits);
  return sameAddress(maskAddress(a.address, bits), maskAddress(b.address, bits));
}

/**
 * The places where sessions may remain that only a removed key let in: its device opened them last,
 * no other grant opens these ports, and they need a knock. Newest first; pure.
 */
export function findLeftovers(facts: LeftoverFacts): Leftover[] {
  const doors = new Map(facts.doors.map((door) => [door.name, door]));
  return facts.openers
    .filter(({ user, device }) => facts.isGone(user, device))
    .toSorted((a, b) => b.atMs - a.atMs)
    .flatMap(({ door: name, address }): Leftover[] => {
      const ports = doors.get(name)?.opens ?? [];
      const prefix = parsePrefix(address);
      if (prefix === undefined || ports.length === 0) return [];
      const isHeld = facts.grants.some((grant) => {
        const other = parsePrefix(grant.address);
        return (
          other !== undefined &&
          overlap(other, prefix) &&
          grant.ports.some((range) => ports.some((own) => rangesOverlap(own, range)))
        );
      });
      const isFree = facts.alwaysAllow.some((network) => overlap(network, prefix));
      return isHeld || isFree ? [] : [{ door: name, address, prefix, ports }];
    })
    .slice(0, MOST_PLACES);
}
