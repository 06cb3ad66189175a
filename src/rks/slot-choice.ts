/** Which slot a knock may use now: docs/rks.md, "Knocking". No clock and no files. */

/** Slots a device may be ahead of its present one: RKS1, the default `skew`. */
const SLOTS_AHEAD = 1;

/**
 * Slots we wait for without asking. In a working client the wait is at most one; one more forgives a
 * clock that was slewed back. Beyond that a clock was set, and waiting could take for ever.
 */
const PATIENCE_SLOTS = 2;

export type SlotChoice =
  | { readonly kind: "use"; readonly slot: number }
  /** Every slot allowed is used: nothing may be sent before slot `until` begins. */
  | { readonly kind: "wait"; readonly until: number }
  /** The last slot used lies so far ahead that this clock, or the one of that knock, was wrong. */
  | { readonly kind: "clock"; readonly slotsAhead: number };

/**
 * The lowest slot from `present` on that is not used, at most one ahead. `last` is the highest slot
 * ever used, undefined where there is none: using a slot spends every earlier one, so nothing at or
 * below it comes back, whatever the clock says.
 */
export function chooseSlot(present: number, last: number | undefined): SlotChoice {
  const slot = last === undefined ? present : Math.max(present, last + 1);
  if (slot <= present + SLOTS_AHEAD) return { kind: "use", slot };
  const until = slot - SLOTS_AHEAD;
  if (until - present <= PATIENCE_SLOTS) return { kind: "wait", until };
  return { kind: "clock", slotsAhead: slot - 1 - present };
}
