/** Slots: the numbered stretches of Unix time in which one sequence of ports is due. */

/** The slot of a Unix time in milliseconds: `floor(unix seconds / step)`. */
export function slotAt(ms: number, stepSeconds: number): number {
  return Math.floor(ms / (stepSeconds * 1_000));
}

/** The Unix time in milliseconds at which a slot begins. */
export function slotStartMs(slot: number, stepSeconds: number): number {
  return slot * stepSeconds * 1_000;
}
