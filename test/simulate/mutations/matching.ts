/** Bugs in the matcher. */

import { mutation, type Mutation } from "./mutation.ts";

export const MATCHING: readonly Mutation[] = [
  mutation(
    "one port of a sequence may be missing",
    "match/rotating-space.ts",
    "if (hit < n || !recent.together(id, ports, from, n)) continue;",
    "if (hit < n - 1) continue;",
  ),
  mutation(
    "the skew is a slot too small",
    "match/pages.ts",
    "if (Math.abs(slot - own) <= skew) this.accepted.push(page);",
    "if (Math.abs(slot - own) < skew) this.accepted.push(page);",
  ),
  mutation(
    "the skew is a slot too large",
    "match/pages.ts",
    "if (Math.abs(slot - own) <= skew) this.accepted.push(page);",
    "if (Math.abs(slot - own) <= skew + 1) this.accepted.push(page);",
  ),
  mutation(
    "a reload forgets half a knock",
    "data-plane/hearing.ts",
    "this.#makeMatcher(plan, before.matcher);",
    "this.#makeMatcher(plan);",
  ),
  mutation(
    "the window is twice as long",
    "match/space-sources.ts",
    "windowSeconds * 1_000",
    "windowSeconds * 2_000",
  ),
  mutation(
    "the window is half as long",
    "match/space-sources.ts",
    "windowSeconds * 1_000",
    "windowSeconds * 500",
  ),
  mutation(
    "a fixed sequence has three times as long",
    "match/fixed-doors.ts",
    "stepRun(keys, timeoutMs, starts",
    "stepRun(keys, 3 * timeoutMs, starts",
  ),
  mutation(
    "a fixed sequence has half as long",
    "match/fixed-doors.ts",
    "stepRun(keys, timeoutMs, starts",
    "stepRun(keys, timeoutMs / 2, starts",
  ),
];
