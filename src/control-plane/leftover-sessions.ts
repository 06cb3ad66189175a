/**
 * Sessions outlive the grant that let them in. When a key goes, or somebody closes a door, they go
 * too: the audit log knows which device opened which door to which address.
 */

import { networksOverlap, parsePrefix, type Prefix } from "../core/address.ts";
import type { Grant } from "../core/grant.ts";
import { type PortRange, rangesOverlap } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import type { LastOpening } from "../store/audit-query.ts";

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
  readonly openings: readonly LastOpening[];
  /** Whether the sessions behind this opening are to end. */
  readonly isMeant: (opening: LastOpening) => boolean;
  readonly doors: readonly Door[];
  /** Living grants: the sessions that they let in belong to them. */
  readonly grants: readonly Grant[];
  readonly alwaysAllow: readonly Prefix[];
}

/**
 * The places where sessions may remain that only such an opening let in: it was the last one, no
 * grant opens these ports now, and they need a knock. Newest first; pure.
 */
export function findLeftovers(facts: LeftoverFacts): Leftover[] {
  const doors = new Map(facts.doors.map((door) => [door.name, door]));
  return facts.openings
    .filter(facts.isMeant)
    .toSorted((a, b) => b.atMs - a.atMs)
    .flatMap(({ door: name, address }): Leftover[] => {
      const ports = doors.get(name)?.opens ?? [];
      const prefix = parsePrefix(address);
      if (prefix === undefined || ports.length === 0) return [];
      const isHeld = facts.grants.some((grant) => {
        const other = parsePrefix(grant.address);
        return (
          other !== undefined &&
          networksOverlap(other, prefix) &&
          grant.ports.some((range) => ports.some((own) => rangesOverlap(own, range)))
        );
      });
      const isFree = facts.alwaysAllow.some((network) => networksOverlap(network, prefix));
      return isHeld || isFree ? [] : [{ door: name, address, prefix, ports }];
    });
}
