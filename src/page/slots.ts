/** The slots that this browser has used: a knock is never sent twice. */

import { slotAt, slotStartMs } from "../rks/slot.ts";
import { change, request } from "./database.ts";
import type { Door } from "./door.ts";
import { portsOf } from "./hidden-key.ts";
import { isBlocked } from "./blocked-ports.ts";
import { chooseCallable } from "./slot-claim.ts";

/** A slot that is now marked used, or why there is none. */
export type Claim =
  | { readonly kind: "taken"; readonly ports: readonly number[]; readonly skipped: boolean }
  /** `skipped`: what there would be now has a port that browsers never call. */
  | { readonly kind: "wait"; readonly untilMs: number; readonly skipped: boolean }
  /** The last slot used lies so far ahead that a clock was wrong. */
  | { readonly kind: "clock"; readonly aheadMs: number };

/** Slot numbers of another length say nothing about these. */
function rowOf({ id, stepSeconds }: Pick<Door, "id" | "stepSeconds">): IDBValidKey {
  return [id, stepSeconds];
}

/** Claims the slot of the next knock. Rejects where the browser cannot remember it. */
export async function claimSlot(database: IDBDatabase, door: Door, nowMs: number): Promise<Claim> {
  const present = slotAt(nowMs, door.stepSeconds);
  // Drawn before: a transaction does not wait for keys.
  const drawn = new Map<number, number[]>();
  for (const slot of [present, present + 1]) drawn.set(slot, await portsOf(door, slot));
  const callable = (slot: number) => !drawn.get(slot)!.some(isBlocked);

  return await change(database, "slots", async (slots): Promise<Claim> => {
    const last = await request<number | undefined>(slots.get(rowOf(door)));
    const choice = chooseCallable(present, last, callable);
    const { skipped } = choice;
    if (choice.kind === "wait") {
      return { kind: "wait", untilMs: slotStartMs(choice.until, door.stepSeconds), skipped };
    }
    if (choice.kind === "clock") {
      return { kind: "clock", aheadMs: choice.slotsAhead * door.stepSeconds * 1_000 };
    }
    await request(slots.put(choice.slot, rowOf(door)));
    return { kind: "taken", ports: drawn.get(choice.slot)!, skipped };
  });
}

/** For a clock that was wrong once and is right now. */
export async function forgetSlots(database: IDBDatabase, door: Door): Promise<void> {
  await change(database, "slots", (slots) => request(slots.delete(rowOf(door))));
}
