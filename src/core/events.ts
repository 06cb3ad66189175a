/** What the data plane tells the rest: the only account of what happened, and free of secrets. */

import type { Grant } from "./grant.ts";

/**
 * Why a grant ended: its time ran out, its one connection was let in, someone closed it, a close knock
 * came, or others deleted it.
 */
export type CloseReason = "expired" | "used" | "hand" | "knock" | "lost";

/** The slot that a rotating knock used, and how long the slots of its door were. */
export interface SlotUse {
  readonly slot: number;
  readonly stepSeconds: number;
}

/** `atMs` is Unix milliseconds; addresses are canonical text. */
export type DaemonEvent =
  | {
      readonly type: "grant.opened";
      readonly atMs: number;
      readonly grant: Grant;
      /** Its holder had the grant already and its end moved. */
      readonly renewed: boolean;
      /** Somebody else holds the door open to this address, too. */
      readonly shared?: boolean;
      /** The address itself, also where the whole /64 is let in. */
      readonly source: string;
      /** Absent unless a rotating knock opened. */
      readonly used?: SlotUse;
      /** From the capture of the last knock to the kernel's acknowledgement; absent when opened by hand. */
      readonly latencyMs?: number;
    }
  | {
      /** Found living in the kernel when the daemon started. */
      readonly type: "grant.restored";
      readonly atMs: number;
      readonly grant: Grant;
    }
  | {
      readonly type: "grant.closed";
      readonly atMs: number;
      readonly grant: Grant;
      readonly reason: CloseReason;
      /** Somebody else still holds the door open to this address. */
      readonly shared?: boolean;
    }
  | {
      /** A sequence used before, from the address that used it: a retransmission, not an attack. */
      readonly type: "knock.repeated";
      readonly atMs: number;
      readonly door: string;
      readonly user: string;
      readonly device: string;
      readonly address: string;
    }
  | {
      /** A used sequence, whole or in part, from another address: at most once per key, door and slot. */
      readonly type: "knock.reused";
      readonly atMs: number;
      readonly door: string;
      readonly user: string;
      readonly device: string;
      readonly address: string;
      readonly firstAddress: string;
      readonly firstMs: number;
      /** How many of its ports came from `address`; absent: all of them. */
      readonly part?: { readonly heard: number; readonly ports: number };
    }
  | {
      /** Somebody else changed our table, and it is as it was meant again. */
      readonly type: "guard.repaired";
      readonly atMs: number;
      /** Whether the rules were loaded again; else only grants were missing. */
      readonly rules: boolean;
      readonly grants: number;
      readonly tookMs: number;
    }
  | {
      /** A right fixed knock, but as many addresses hold the door as it allows. Told now and then only. */
      readonly type: "door.full";
      readonly atMs: number;
      readonly door: string;
      readonly address: string;
      readonly most: number;
      /** Not so many addresses hold it, but what follows its openings (commands, log, stores) is late. */
      readonly behind?: boolean;
    }
  | {
      /** A right knock whose door could not be opened, or a part that stopped working. */
      readonly type: "fault";
      readonly atMs: number;
      /** A set of the kernel is full: over when an audit finds room again. */
      readonly full?: boolean;
      readonly part: "capture" | "drops" | "firewall";
      readonly message: string;
    }
  | {
      /** The part that reported a fault works again. */
      readonly type: "recovered";
      readonly atMs: number;
      readonly part: "capture" | "drops" | "firewall";
      readonly message: string;
    };
