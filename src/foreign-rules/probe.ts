/** The packet that is followed through the rules of others. */

import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";

/** A first packet from an address nobody has a rule for, to a port of this machine, not through lo. */
export interface Probe extends Port {
  readonly family: Family;
  /** Where it comes in; absent: anywhere but through lo. */
  readonly interface?: string;
  /** What it may be sent to; absent: nobody knows, and rules about one address do not apply. */
  readonly addresses?: readonly string[];
}
