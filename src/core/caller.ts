/**
 * The person at a command, as far as the connection shows: a change of who gets in may shut that
 * person out.
 */

import type { Address } from "./address.ts";

export interface Caller {
  readonly address: Address;
  /** The TCP port of this machine that the caller is connected to. */
  readonly port?: number;
}
