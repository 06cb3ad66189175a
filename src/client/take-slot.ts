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
  | { readonly kind: "wait"; readonly waitMs: number };

/**
 * Takes the slot for a knock at `nowMs` (Unix time). Throws a SallyportError when the last slot
 * used is so far ahead that some clock was wrong, or when no slot can be remembered.
 */
export function takeSlot(profile: Profile, slots: SlotStore, nowMs: number): SlotTaken {
  const { door, host, stepSeconds } = profile;
  for (;;) {
    const choice = chooseSlot(slotAt(nowMs, stepSeconds), slots.last(profile));
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
  }
}
