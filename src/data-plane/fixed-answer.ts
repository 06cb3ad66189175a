/** What a complete fixed sequence does, which costs nothing to forge. Pure. */

import type { Grant } from "../core/grant.ts";
import type { Door } from "../config/settings.ts";
import { grantKind } from "./grant-request.ts";
import { sameTerms } from "./ledger.ts";

/**
 * How many events the control plane may be behind before fixed doors, whose knocks cost nothing,
 * open to nobody new. A door that more addresses may hold at once may also be opened by as many at
 * once.
 */
const MOST_UNHEARD = 256;

/** What is known as the knock comes. */
export interface Present {
  /** By the wall clock. */
  readonly nowMs: number;
  /** The living grant of this address by this sequence. */
  readonly held: Grant | undefined;
  /** The living grants of the door. */
  readonly grants: number;
  /** Events that the control plane has not handled. */
  readonly unheard: number;
  /** The door's commands are too late for more of them. */
  readonly isBehind: boolean;
}

/** "nothing" is told to nobody; "full" and "behind" say why the door opens to nobody new. */
export function fixedAnswer(
  door: Door,
  { nowMs, held, grants, unheard, isBehind }: Present,
): "open" | "nothing" | "full" | "behind" {
  if (held !== undefined) return renews(door, held, nowMs) ? "open" : "nothing";
  // A full door would not open when its commands have caught up, either.
  if (grants >= door.maxGrants) return "full";
  return isBehind || unheard > Math.max(MOST_UNHEARD, door.maxGrants) ? "behind" : "open";
}

/** Whether a further knock changes anything worth telling of the grant. */
function renews(door: Door, held: Grant, nowMs: number): boolean {
  if (!sameTerms(held, { kind: grantKind(door, { via: "fixed" }), ports: door.opens })) return true;
  // The knock would renew nothing, and somebody who knocks all the time would keep the command
  // from running again.
  if (door.opens.length === 0 && door.run?.close === undefined) return false;
  // A stranger who knows the sequence can forge it ten thousand times a second. So a knock that would move
  // the end of a grant by next to nothing costs no kernel message, no event and no line of the log.
  const renewsMs = door.openForMs - (held.expiresMs - nowMs);
  return renewsMs >= Math.max(1_000, door.openForMs / 20);
}
