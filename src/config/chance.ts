/** How a chance is written. */

/** "3.5e-12" */
export function formatChance(chance: number): string {
  return chance === 0 ? "0" : chance.toExponential(1);
}
