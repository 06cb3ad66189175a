/** Makes the requests to the firewall that open and close a grant of one holder at one door. Pure. */

import {
  type Address,
  formatAddress,
  formatPrefix,
  maskAddress,
  parsePrefix,
} from "../core/address.ts";
import type { Grant, Holder } from "../core/grant.ts";
import type { Door } from "../config/settings.ts";
import type { CloseRequest, GrantKind, GrantRequest, Held, Need } from "../firewall/firewall.ts";
import { formatLabel } from "./label.ts";
import type { Remaining } from "./ledger.ts";

/** A grant for the door's own time, without a use. */
export function grantRequest(door: Door, address: Address, holder: Holder): GrantRequest {
  return {
    address,
    prefix6: door.prefix6,
    ports: door.opens,
    kind: grantKind(door, holder),
    openMs: door.openForMs,
    ...(door.idleCloseMs !== undefined && { idleMs: door.idleCloseMs }),
    ...(door.maxOpenMs !== undefined && { maxMs: renewableMs(door) }),
    label: formatLabel({ ...holder, door: door.name }),
  };
}

/** A grant by hand: at every door it ends with its time. */
export function handRequest(door: Door, address: Address, openMs: number): GrantRequest {
  const { prefix6, opens: ports } = door;
  const label = formatLabel({ via: "hand", door: door.name });
  return { address, prefix6, ports, kind: "plain", openMs, label };
}

/** The request that gives a grant again, with its remaining life. */
export function sameAgain({ grant, lifeMs, capMs }: Remaining): GrantRequest {
  const { address, bits } = parsePrefix(grant.address)!;
  const { kind, ports, idleMs } = grant;
  return {
    address,
    prefix6: bits === 64 ? 64 : 128,
    ports,
    kind,
    openMs: lifeMs,
    ...(idleMs !== undefined && { idleMs, maxMs: Math.max(1, capMs) }),
    openedMs: grant.openedMs,
    label: formatLabel(grant),
  };
}

/** The request that ends a grant and spares the `others` of its address; `held` are those whose sessions live on. */
export function closeRequest(
  { address, ports, kind, idleMs, ...holder }: Grant,
  sessions: "end" | "keep",
  others: readonly Remaining[],
  held: readonly Remaining[],
): CloseRequest {
  return {
    ...placeOf({ address, ports }),
    sessions,
    keep: others.map(needOf),
    owner: { kind, ...(idleMs !== undefined && { idleMs }), label: formatLabel(holder) },
    ...(sessions === "end" && { held: held.map(({ grant }) => placeOf(grant)) }),
  };
}

function placeOf({ address, ports }: Pick<Grant, "address" | "ports">): Held {
  const prefix = parsePrefix(address)!;
  return { address: prefix.address, prefix6: prefix.bits === 64 ? 64 : 128, ports };
}

/**
 * The longest life that a grant can have now: the last packet of an idle one may have been a moment
 * ago.
 */
export function longestMs({ grant: { idleMs }, lifeMs, capMs }: Remaining): number {
  return idleMs === undefined ? lifeMs : Math.max(lifeMs, Math.min(0, capMs) + idleMs);
}

/** The needs of a living grant when another one ends. */
export function needOf(remaining: Remaining): Need {
  const { grant, capMs } = remaining;
  const { kind, ports, idleMs, openedMs } = grant;
  const label = formatLabel(grant);
  const need = { kind, ports, lifeMs: longestMs(remaining), openedMs, label };
  return idleMs === undefined ? need : { ...need, idleMs, capMs: Math.max(0, capMs) };
}

/**
 * The last renewal may come at the end of this time, and lasts one idle time: then `max_open` is
 * over.
 */
function renewableMs({ maxOpenMs = 0, idleCloseMs = 0 }: Door): number {
  return Math.max(1, maxOpenMs - idleCloseMs);
}

/** The kinds of grants that a door can give. */
export function grantKinds(door: Door): GrantKind[] {
  const knocks = (["rotating", "fixed"] as const).map((via) => grantKind(door, { via }));
  return door.fixed === undefined ? [knocks[0]!, "plain"] : [...knocks, "plain"];
}

/** The kind of grant that the door gives to such a holder. */
export function grantKind(door: Door, { via }: Pick<Holder, "via">): GrantKind {
  if (door.uses === "one") return "once";
  if (door.idleCloseMs !== undefined) return "idle";
  return via === "fixed" ? "fixed" : "plain";
}

/** The address of a grant: that of the source, or its /64 where the door opens one. */
export function holderAddress(door: Door, source: Address): string {
  if (source.family === 4 || door.prefix6 === 128) return formatAddress(source);
  return formatPrefix({ address: maskAddress(source, 64), bits: 64 });
}
