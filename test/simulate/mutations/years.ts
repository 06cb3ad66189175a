/** Bugs in what time alone brings about. */

import { longMutation, type Mutation } from "./mutation.ts";

export const YEARS: readonly Mutation[] = [
  longMutation(
    "the audit log never forgets",
    "store/audit.ts",
    ".run(Math.round(nowMs - ageMs), Math.round(nowMs));",
    ".run(Math.round(nowMs - 1_000 * ageMs), Math.round(nowMs));",
  ),
  longMutation(
    "the audit log forgets after nine days",
    "store/audit.ts",
    "ageMs: 90 * 86_400_000,",
    "ageMs: 9 * 86_400_000,",
  ),
  longMutation(
    "the ledger ends every grant within 24 days",
    "data-plane/ledger.ts",
    "const endsMs = Math.max(nowMs + lifeMs, kept?.endsMs ?? 0);",
    "const endsMs = Math.max(nowMs + Math.min(lifeMs, 2 ** 31 - 1), kept?.endsMs ?? 0);",
  ),
  longMutation(
    "the sequences of past slots stay in memory",
    "match/pages.ts",
    "if (!this.remembered.includes(page)) page.turnTo(NO_SLOT);",
    "if (page.slot === -Infinity) page.turnTo(NO_SLOT);",
  ),
];
