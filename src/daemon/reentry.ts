/** Compares the grants in the kernel with those that should be there, and puts back what others took. */

import { formatAddress, parsePrefix } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { Grant } from "../core/grant.ts";
import type { Port } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import { singlePorts } from "../firewall/element-key.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { SET_SIZE } from "../firewall/sets.ts";
import { grantRequest } from "./grant-request.ts";
import type { Ledger } from "./ledger.ts";
import type { Answers } from "./messages.ts";

export interface ReentryParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly clock: Clock;
}

/**
 * Puts grants back that the kernel should have and has not, with the life they have left, and calls
 * `ended` for those that ended by themselves. A grant for one connection is left alone: it may be gone
 * because it was used. Throws OpError where the kernel refuses one.
 */
export function reenterGrants(
  { firewall, ledger, clock, counters }: ReentryParts,
  doors: ReadonlyMap<string, Door>,
  ended: (grant: Grant) => void,
): Answers["reenter"] {
  const elements = firewall.list();
  const held = new Set(
    elements.map(({ address, port }) => elementKey(formatAddress(address), port)),
  );
  const perSet = Map.groupBy(elements, ({ kind, address }) => `${kind} ${address.family}`);
  const full = [...perSet.values()].some(({ length }) => length >= SET_SIZE - 1);
  let missing = 0;
  let intended = 0;
  const wallMs = clock.wallMs();
  for (const grant of ledger.list(clock.monotonicMs(), wallMs)) {
    const door = doors.get(grant.door);
    const remainingMs = grant.expiresMs - wallMs;
    if (door === undefined || door.uses === "one" || remainingMs <= 0) continue;
    if (grant.ports.length === 0) continue;
    intended++;
    const { address } = parsePrefix(grant.address)!;
    const text = formatAddress(address);
    if (singlePorts(grant.ports).every((port) => held.has(elementKey(text, port)))) continue;
    // Its cap is there and it is not: nobody took it, it ended in a pause of the traffic.
    if (door.idleCloseMs !== undefined && firewall.capMs(address, grant.ports) > 0) {
      intended--;
      ended(grant);
      continue;
    }
    missing++;
    const request = grantRequest(door, address, grant);
    const kind = grant.via === "hand" ? "plain" : request.kind;
    firewall.open({ ...request, kind, openMs: remainingMs });
  }
  counters.add("grantsRepaired", missing);
  return { missing, intended, full };
}

function elementKey(address: string, { proto, port }: Port): string {
  return `${address} ${proto} ${port}`;
}
