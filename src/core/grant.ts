/** A grant: one door, open to one address, until a time. */

import type { PortRange } from "./port.ts";

/** How a grant came about: a rotating knock, a fixed knock, or `sallyport open`. */
export type Via = "rotating" | "fixed" | "hand";

export interface Grant {
  /** `grantId(door, address)`: the same door and address always have the same id. */
  readonly id: string;
  readonly door: string;
  /** Canonical text of the address, or of the /64 where the door opens one. */
  readonly address: string;
  readonly ports: readonly PortRange[];
  readonly via: Via;
  /** Whose knock it was; absent for fixed knocks and for grants opened by hand. */
  readonly user?: string;
  readonly device?: string;
  /** Unix milliseconds, whole ones. */
  readonly openedMs: number;
  readonly expiresMs: number;
}

/** Ten hexadecimal digits that name the grant of a door to an address, stable across restarts. */
export function grantId(door: string, address: string): string {
  return Bun.SHA256.hash(`${door}\0${address}`, "hex").slice(0, 10);
}
