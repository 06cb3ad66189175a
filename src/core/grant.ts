/** A grant: one door, open to one address for one holder, until a time. */

import { type Address, formatAddress, formatPrefix, maskAddress } from "./address.ts";
import type { PortRange } from "./port.ts";

/** How a grant came about: a rotating knock, a fixed knock, or `sallyport open`. */
export type Via = "rotating" | "fixed" | "hand";

/**
 * How a grant ends besides its time. "plain" and "fixed" (a set of their own, so that forged fixed
 * knocks cannot fill the other) end no other way. "once" ends with the first connection. "idle"
 * lives on while an established connection carries traffic.
 */
export type GrantKind = "plain" | "fixed" | "once" | "idle";

/** The holder of a grant, and how it came about. */
export interface Holder {
  readonly via: Via;
  /** The user who knocked; absent for fixed knocks and for grants opened by hand. */
  readonly user?: string;
  readonly device?: string;
}

/** An opening keeps the terms of its grant, whatever a reload makes of the door. */
export interface Grant extends Holder {
  /** `grantId` */
  readonly id: string;
  readonly door: string;
  /** Canonical text of the address, or of the /64 where the door opens one. */
  readonly address: string;
  readonly ports: readonly PortRange[];
  readonly kind: GrantKind;
  /** "idle" only: the life that each packet restores. */
  readonly idleMs?: number;
  /** Unix milliseconds. */
  readonly openedMs: number;
  readonly expiresMs: number;
}

/** The texts that a grant to an address may have: the address, and its /64 where the door opens one. */
export function addressTexts(address: Address): string[] {
  const own = formatAddress(address);
  if (address.family === 4) return [own];
  return [own, formatPrefix({ address: maskAddress(address, 64), bits: 64 })];
}

function tenDigits(...names: readonly string[]): string {
  return Bun.SHA256.hash(names.join("\0"), "hex").slice(0, 10);
}

/**
 * Ten hexadecimal digits that identify a door, a holder and an address; the same after a restart.
 */
export function grantId(door: string, address: string, { via, user, device }: Holder): string {
  return tenDigits(door, address, via, ...(user === undefined ? [] : [`${user}/${device}`]));
}

/** The same for a door and an address, whoever holds it. */
export function placeId({ door, address }: Pick<Grant, "door" | "address">): string {
  return tenDigits(door, address);
}
