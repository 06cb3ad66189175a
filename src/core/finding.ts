/** The findings of the doctor: one for each thing that it examined. */

/**
 * "problem": a knock cannot work as configured. "warning": it may fail, or the state could not be
 * seen.
 */
export type Level = "ok" | "warning" | "problem";

export interface Finding {
  /** The thing examined, in a word or two: "libraries", "other tables". */
  readonly check: string;
  readonly level: Level;
  /** Names the thing and its state. No full stop, no secret. */
  readonly sentence: string;
  /** The remedy, a clause. Absent where all is well. */
  readonly remedy?: string;
}

/** The findings of one check. */
export type Findings = readonly Omit<Finding, "check">[];

type Said = Findings[number];

export const ok = (sentence: string): Said => ({ level: "ok", sentence });

export const warning = (sentence: string, remedy: string): Said => ({
  level: "warning",
  sentence,
  remedy,
});

export const problem = (sentence: string, remedy: string): Said => ({
  level: "problem",
  sentence,
  remedy,
});

/** A finding about facts that the kernel shows only to root. */
export const unseen = (what: string, remedy = "run as root"): Said =>
  warning(`Could not see ${what}`, remedy);

/** "a", "a and b", "a, b and c" */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
