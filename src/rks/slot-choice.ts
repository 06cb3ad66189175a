/** Which slot a knock may use now: docs/rks.md, "Knocking". No clock and no files. */

/** Slots a device may be ahead of its present one: RKS1, the default `skew`. */
export const SLOTS_AHEAD = 1;

/**
 * Slots to wait for without asking. A client that works waits for one at most; one more forgives a
 * clock that was slewed back. Beyond that a clock was set, and the wait could take for ever.
 */
const PATIENCE_SLOTS = 2;

export type SlotChoice =
  | { readonly kind: "use"; readonly slot: number }
  /** All allowed slots are used: nothing may be sent before slot `until` begins. */
  | { readonly kind: "wait"; readonly until: number }
  /** The last slot used lies so far ahead that this clock was wrong, now or at that knock. */
  | { readonly kind: "clock"; readonly slotsAhead: number };

/**
 * The lowest unused slot from `present` on, at most one ahead. `last` is the highest slot ever
 * used, undefined before the first. A use spends every earlier slot, so nothing at or below it
 * comes back, whatever the clock says.
 */
export function chooseSlot(present: number, last: number | undefined): SlotChoice {
  const slot = last === undefined ? present : Math.max(present, last + 1);
  if (slot <= present + SLOTS_AHEAD) return { kind: "use", slot };
  const until = slot - SLOTS_AHEAD;
  if (until - present <= PATIENCE_SLOTS) return { kind: "wait", until };
  return { kind: "clock", slotsAhead: slot - 1 - present };
}
