/** A knock: one packet that may be part of a sequence, as the packet path passes it from stage to stage. */

import type { Address, Family } from "./address.ts";

/**
 * One object is reused for every frame: copy all that must outlive the call. Addresses are words as
 * in `Address`: `s0`–`s3` the source, `d0`–`d3` the destination.
 */
export interface Knock {
  /** When the packet was captured: Unix milliseconds, with a fraction. */
  timeMs: number;
  family: Family;
  /** IANA protocol number: 6 or 17. */
  proto: number;
  /** Destination port. */
  port: number;
  s0: number;
  s1: number;
  s2: number;
  s3: number;
  d0: number;
  d1: number;
  d2: number;
  d3: number;
}

/**
 * A fresh knock to decode into. All fields exist from the start, so that its shape never changes.
 */
export function emptyKnock(): Knock {
  return {
    timeMs: 0.5, // a fraction, so that the engine picks a double for the field at once
    family: 4,
    proto: 0,
    port: 0,
    s0: 0,
    s1: 0,
    s2: 0,
    s3: 0,
    d0: 0,
    d1: 0,
    d2: 0,
    d3: 0,
  };
}

/** The source of a knock, as an address of its own. */
export function knockSource({ family, s0, s1, s2, s3 }: Knock): Address {
  return { family, a0: s0, a1: s1, a2: s2, a3: s3 };
}
