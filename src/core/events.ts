/** The events that the data plane sends: the only account of what happened, and free of secrets. */

import type { Grant } from "./grant.ts";

/**
 * Why a grant ended: its time ran out, its one connection was let in, somebody closed it by hand, a
 * close knock came, or others deleted it.
 */
export type CloseReason = "expired" | "used" | "hand" | "knock" | "lost";

/** The slot that a rotating knock used, and the length of its door's slots. */
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
      /** The same holder had the grant already, and its end moved. */
      readonly renewed: boolean;
      /** Another holder also has the door open for this address. */
      readonly shared?: boolean;
      /** The address of the packet, even where the whole /64 is let in. */
      readonly source: string;
      /** Present only where a rotating knock opened. */
      readonly used?: SlotUse;
      /** From the capture of the last knock to the kernel's acknowledgement; absent when opened by hand. */
      readonly latencyMs?: number;
    }
  | {
      /** Found alive in the kernel when the daemon started. */
      readonly type: "grant.restored";
      readonly atMs: number;
      readonly grant: Grant;
    }
  | {
      readonly type: "grant.closed";
      readonly atMs: number;
      readonly grant: Grant;
      readonly reason: CloseReason;
      /** Another holder still has the door open for this address. */
      readonly shared?: boolean;
    }
  | {
      /** A used sequence again, from the address that used it: a retransmission, not an attack. */
      readonly type: "knock.repeated";
      readonly atMs: number;
      readonly door: string;
      readonly user: string;
      readonly device: string;
      readonly address: string;
    }
  | {
      /**
       * A used sequence, whole or in part, from another address. At most once for each key, door
       * and slot.
       */
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
      /** Another program changed our table, and the table is right again. */
      readonly type: "guard.repaired";
      readonly atMs: number;
      /** Whether the rules were loaded again; else only grants were missing. */
      readonly rules: boolean;
      readonly grants: number;
      readonly tookMs: number;
    }
  | {
      /**
       * A right fixed knock, but the door is open to as many addresses as it allows. Sent only now
       * and then.
       */
      readonly type: "door.full";
      readonly atMs: number;
      readonly door: string;
      readonly address: string;
      readonly most: number;
      /**
       * The door allows more addresses, but the work after its openings (commands, log, stores) is
       * late.
       */
      readonly behind?: boolean;
    }
  | {
      /** A right knock whose door could not be opened, or a part that stopped working. */
      readonly type: "fault";
      readonly atMs: number;
      /** A set of the kernel is full; the fault is over when an audit finds room again. */
      readonly full?: boolean;
      readonly part: "capture" | "drops" | "firewall";
      readonly message: string;
      /** The kernel may have opened all the same, unheard: the knock counts as used. */
      readonly unheard?: {
        readonly door: string;
        readonly user: string;
        readonly device: string;
        readonly address: string;
        readonly used: SlotUse;
      };
    }
  | {
      /** The part that reported a fault works again. */
      readonly type: "recovered";
      readonly atMs: number;
      readonly part: "capture" | "drops" | "firewall";
      readonly message: string;
    };
