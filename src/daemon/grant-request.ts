/** What is asked of the firewall for one holder at one door; pure. */

import { type Address, formatAddress, formatPrefix, maskAddress } from "../core/address.ts";
import type { Grant } from "../core/grant.ts";
import type { Door } from "../config/settings.ts";
import type { GrantKind, GrantRequest } from "../firewall/firewall.ts";
import { formatLabel } from "./label.ts";

/** Who gets a grant, and how. */
export type Holder = Pick<Grant, "via" | "user" | "device">;

/** A grant for the door's own time that spends no use. */
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

/** The last renewal may come at the end of this, and lasts an idle time: then `max_open` is over. */
function renewableMs({ maxOpenMs = 0, idleCloseMs = 0 }: Door): number {
  return Math.max(1, maxOpenMs - idleCloseMs);
}

function grantKind(door: Door, { via }: Holder): GrantKind {
  if (door.uses === "one") return "once";
  if (door.idleCloseMs !== undefined) return "idle";
  return via === "fixed" ? "fixed" : "plain";
}

/** What a grant is written down under: the address, or its /64 where the door opens one. */
export function holderAddress(door: Door, source: Address): string {
  if (source.family === 4 || door.prefix6 === 128) return formatAddress(source);
  return formatPrefix({ address: maskAddress(source, 64), bits: 64 });
}
