/** The sets of the table `inet sallyport`: their names, types and sizes. */

import type { Family } from "../core/address.ts";
import { formatDuration } from "../core/duration.ts";

export const FAMILY = "inet";
export const TABLE = "sallyport";
/** The name in nft and in messages. */
export const TABLE_NAME = `${FAMILY} ${TABLE}`;

/**
 * The capacity of a set of grants, of uses or of claims; the kernel's own default, made explicit.
 */
export const SET_SIZE = 65_536;
/** The most ranges and networks that a configuration can list. */
export const LIST_SIZE = 65_536;

/** How long a first packet stands for its connection: SYN retransmissions of about three tries. */
export const CLAIM_MS = 10_000;

/** Sets that are looked up by address, protocol and port, one for each family. */
export type DoorSet = "revoked" | "grants" | "fixed" | "one";

/**
 * Each element of a set "one" carries this limit, which the kernel counts under a lock: of several
 * packets that look it up at once on different processors, exactly one finds it.
 */
const FIRST_HIT = "limit rate 1/week burst 1 packets;";

/** Sets of earlier versions, which a table that outlived its daemon may still have. */
export const FORMER_SETS: readonly string[] = ["once4", "once6", "cap4", "cap6", "used"];

export const SET = {
  guarded: "guarded",
  /** Guards in the place of `guarded` while that one is filled anew; otherwise there is none. */
  meanwhile: "guarded_meanwhile",
  // Not "used", which was a word of the language before nftables 1.0, like "label": nothing can
  // have such a name there.
  used: "uses",
  /** Says that uses may be missing from `used`; no rule looks here. Otherwise there is none. */
  doubt: "doubt",
  allow: (family: Family) => `allow${family}`,
  claim: (family: Family) => `claim${family}`,
  /** The owners of elements that have several; no rule looks here. */
  shared: (family: Family) => `shared${family}`,
  door: (set: DoorSet, family: Family) => `${set}${family}`,
  /**
   * One pair for each idle time, because the timeout in the packet path is a constant of its rule.
   */
  idle: (family: Family, idleMs: number) => `idle${family}_${formatDuration(idleMs)}`,
  /** How long those are renewed: separate too, so that no door renews another's grants. */
  cap: (family: Family, idleMs: number) => `cap${family}_${formatDuration(idleMs)}`,
} as const;

const FAMILIES = [4, 6] as const;

function addressType(family: Family): string {
  return family === 4 ? "ipv4_addr" : "ipv6_addr";
}

/** The timeout flag lets a guarded port end by itself: guarding on probation (`sallyport arm`). */
export const GUARDED_DEFINITION = `type inet_proto . inet_service; size ${LIST_SIZE}; flags interval,timeout;`;

/**
 * One element, while it lasts. Kernels before 6.5 count one that is over until it is collected, up to a second later: a
 * load in between needs room beside it.
 */
export const DOUBT_DEFINITION = "type mark; size 16; flags timeout;";
export const DOUBT_ELEMENT = "0x1";

/** Every set with its definition in nft's words: the text between the braces. */
export function setDefinitions(idleMs: readonly number[]): Map<string, string> {
  const definitions = new Map<string, string>();
  definitions.set(SET.guarded, GUARDED_DEFINITION);
  for (const family of FAMILIES) {
    const address = addressType(family);
    definitions.set(SET.allow(family), `type ${address}; size ${LIST_SIZE}; flags interval;`);
    const door = `type ${address} . inet_proto . inet_service; size ${SET_SIZE};`;
    for (const set of ["revoked", "grants", "fixed"] as const) {
      definitions.set(SET.door(set, family), `${door} flags timeout;`);
    }
    definitions.set(SET.door("one", family), `${door} flags dynamic,timeout; ${FIRST_HIT}`);
    definitions.set(
      SET.shared(family),
      `type ${address} . inet_proto . inet_service . mark; size ${SET_SIZE}; flags timeout;`,
    );
    for (const ms of idleMs) {
      definitions.set(SET.idle(family, ms), `${door} flags dynamic,timeout;`);
      definitions.set(SET.cap(family, ms), `${door} flags timeout;`);
    }
    definitions.set(
      SET.claim(family),
      `type ${address} . ${address} . inet_proto . inet_service . inet_service; size ${SET_SIZE}; ` +
        `flags dynamic,timeout; timeout ${CLAIM_MS / 1_000}s;`,
    );
  }
  definitions.set(SET.used, `type ipv6_addr; size ${SET_SIZE}; flags timeout;`);
  return definitions;
}
