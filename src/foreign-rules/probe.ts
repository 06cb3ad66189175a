/** The packet that is followed through the rules of others. */

import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";

/** A first packet from an address that no rule names, to a port of this machine, not through lo. */
export interface Probe extends Port {
  readonly family: Family;
  /** What connection tracking calls it. Default: a new connection. */
  readonly state?: "new" | "invalid";
  /** The interface by which it comes in; absent: any but lo. */
  readonly interface?: string;
  /** The addresses it may be sent to; absent: unknown, and rules about one address do not apply. */
  readonly addresses?: readonly string[];
}
