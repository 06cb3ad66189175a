/** Slots: the numbered stretches of Unix time that have one sequence of ports each. */

/** The slot of a Unix time in milliseconds: `floor(unix seconds / step)`. */
export function slotAt(ms: number, stepSeconds: number): number {
  return Math.floor(ms / (stepSeconds * 1_000));
}

/** The Unix time in milliseconds at which a slot begins. */
export function slotStartMs(slot: number, stepSeconds: number): number {
  return slot * stepSeconds * 1_000;
}
