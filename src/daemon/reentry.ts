/** Compares the grants in the kernel with those that should be there, and puts back what others took. */

import { formatAddress, parsePrefix } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { Grant } from "../core/grant.ts";
import type { Port } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import { singlePorts } from "../firewall/element-key.ts";
import type { Firewall, KernelGrant } from "../firewall/firewall.ts";
import { SET_SIZE } from "../firewall/sets.ts";
import { grantRequest } from "./grant-request.ts";
import type { Ledger } from "./ledger.ts";
import type { Answers } from "./messages.ts";

/** What a look at the kernel found. */
export interface Compared {
  /** Ids of grants of which an element is missing. */
  readonly missing: string[];
  /** Grants that should be there. */
  readonly intended: number;
  /** A set of the kernel has no room left. */
  readonly full: boolean;
}

/**
 * Compares grants with the elements the kernel held at a later moment. A grant for one connection is
 * left out: it may be gone because it was used. So are those of doors that are gone.
 */
export function compareGrants(
  grants: Iterable<Grant>,
  doors: readonly Door[],
  elements: readonly KernelGrant[],
): Compared {
  const held = new Set(
    elements.map(({ address, port }) => elementKey(formatAddress(address), port)),
  );
  const perSet = new Map<string, number>();
  for (const { kind, address } of elements) {
    const set = `${kind} ${address.family}`;
    perSet.set(set, (perSet.get(set) ?? 0) + 1);
  }
  const counted = new Set(doors.filter(({ uses }) => uses !== "one").map(({ name }) => name));
  const missing: string[] = [];
  let intended = 0;
  for (const { id, door, address, ports } of grants) {
    if (!counted.has(door) || ports.length === 0) continue;
    intended++;
    const [text = ""] = address.split("/");
    if (singlePorts(ports).some((port) => !held.has(elementKey(text, port)))) missing.push(id);
  }
  const full = [...perSet.values()].some((length) => length >= SET_SIZE - 1);
  return { missing, intended, full };
}

export interface ReentryParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly clock: Clock;
}

/**
 * Puts grants back that the kernel has not, with the life they have left, and calls `ended` for those
 * that ended by themselves.
 * Throws OpError where the kernel refuses one.
 */
export function reenterGrants(
  { firewall, ledger, clock, counters }: ReentryParts,
  doors: ReadonlyMap<string, Door>,
  ids: readonly string[],
  ended: (grant: Grant) => void,
): Answers["reenter"] {
  let entered = 0;
  const wallMs = clock.wallMs();
  for (const id of ids) {
    const grant = ledger.living(id, clock.monotonicMs(), wallMs);
    const door = grant && doors.get(grant.door);
    if (grant === undefined || door === undefined) continue;
    const remainingMs = grant.expiresMs - wallMs;
    if (remainingMs <= 0) continue;
    const { address } = parsePrefix(grant.address)!;
    // The list is of a moment ago, and of a table that changed while it was read.
    const stands = ({ proto, port }: Port) =>
      firewall.remainingMs(address, [{ proto, from: port, to: port }]) > 0;
    if (singlePorts(grant.ports).every(stands)) continue;
    // Its cap is there and it is not: nobody took it, it ended in a pause of the traffic.
    if (door.idleCloseMs !== undefined && firewall.capMs(address, grant.ports) > 0) {
      ended(grant);
      continue;
    }
    const request = grantRequest(door, address, grant);
    const kind = grant.via === "hand" ? "plain" : request.kind;
    firewall.open({ ...request, kind, openMs: remainingMs });
    entered++;
  }
  counters.add("grantsRepaired", entered);
  return { entered };
}

function elementKey(address: string, { proto, port }: Port): string {
  return `${address} ${proto} ${port}`;
}
