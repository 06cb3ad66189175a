/** Claims the slot of the next knock. */

import { SallyportError } from "../core/errors.ts";
import type { Profile } from "../rks/profile-link.ts";
import { slotAt, slotStartMs } from "../rks/slot.ts";
import { chooseSlot } from "../rks/slot-choice.ts";
import type { SlotStore } from "./slot-store.ts";

function roughly(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} hours`
    : `${Math.round(seconds / 86_400)} days`;
}

/** "2026-05-01 12:00:31 UTC": for a person who compares it with another clock. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A slot that is now marked used, or how long to wait before the next call. */
export type SlotTaken =
  | { readonly kind: "taken"; readonly slot: number }
  | { readonly kind: "wait"; readonly waitMs: number }
  /** Another process took one so shortly before that what its knock opens is worth waiting for. */
  | { readonly kind: "shared"; readonly slot: number; readonly waitMs: number };

/** When the knock of another process counts as one's own. */
export interface Sharing {
  /** How long a knock may take from the claim of its slot to an open port. */
  readonly withinMs: number;
  /** When the port was last seen closed, as Unix time: a knock since then has not been looked for. */
  readonly closedMs: number;
  /** The last slot that was sent, or waited for, here: nothing more will come of it. */
  readonly known: number | undefined;
}

/** Of what a knock takes, the part that an answer takes to come back when the door is open already. */
const ANSWER_PART = 1 / 4;

/** How long to wait for what the knock with slot `last` opens; 0 where nothing is to be expected of it. */
function sharedMs(
  profile: Profile,
  slots: SlotStore,
  last: number | undefined,
  { withinMs, closedMs, known }: Sharing,
  nowMs: number,
): number {
  if (last === undefined || last === known) return 0;
  const claimedMs = slots.claimedMs(profile, last);
  // One from the future was claimed by another clock, or before this one was set.
  if (claimedMs === undefined || claimedMs > nowMs + withinMs) return 0;
  const leftMs = Math.min(claimedMs + withinMs - nowMs, withinMs);
  return Math.max(leftMs, claimedMs >= closedMs ? withinMs * ANSWER_PART : 0);
}

/**
 * Takes the slot for a knock at `nowMs` (Unix time). Throws a SallyportError when the last slot
 * used is so far ahead that some clock was wrong, or when no slot can be remembered. With `sharing`,
 * only one of several processes that ask at once takes a slot, and the others are told to wait for
 * its knock.
 */
export function takeSlot(
  profile: Profile,
  slots: SlotStore,
  nowMs: number,
  sharing?: Sharing,
): SlotTaken {
  const { door, host, stepSeconds } = profile;
  for (;;) {
    const last = slots.last(profile);
    const waitMs = sharing === undefined ? 0 : sharedMs(profile, slots, last, sharing, nowMs);
    if (waitMs > 0) return { kind: "shared", slot: last!, waitMs };
    const choice = chooseSlot(slotAt(nowMs, stepSeconds), last);
    if (choice.kind === "wait") {
      return { kind: "wait", waitMs: slotStartMs(choice.until, stepSeconds) - nowMs };
    }
    if (choice.kind === "clock") {
      const ahead = roughly(choice.slotsAhead * stepSeconds);
      throw new SallyportError(
        `Cannot knock for ${door} on ${host}: the last knock from here was ${ahead} ahead of this computer's clock (${formatTime(nowMs)}): set the clock right; if it is right now and was wrong then, run "sallyport knock --forget PROFILE" once`,
      );
    }
    // Another knock may take it between the choice and the claim; the next choice is then a later
    // one.
    if (slots.claim(profile, choice.slot)) return { kind: "taken", slot: choice.slot };
    // Whoever took it did so this moment, whatever the clock of the disk says.
    if (sharing !== undefined && slots.last(profile) === choice.slot) {
      return { kind: "shared", slot: choice.slot, waitMs: sharing.withinMs };
    }
  }
}
