/** What the doctor says: one finding for each thing that was looked at. */

/** "problem": a knock cannot work as configured. "warning": it may not, or it could not be seen. */
export type Level = "ok" | "warning" | "problem";

export interface Finding {
  /** What was looked at, in a word or two: "libraries", "other tables". */
  readonly check: string;
  readonly level: Level;
  /** Names the thing and its state. No full stop, no secret. */
  readonly sentence: string;
  /** What to do about it; a clause. Absent where all is well. */
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

/** What the kernel shows to root alone. */
export const unseen = (what: string, remedy = "run as root"): Said =>
  warning(`Could not see ${what}`, remedy);

/** "a", "a and b", "a, b and c" */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
