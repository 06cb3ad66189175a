/** All bugs, each a line: what `simulate` must find in the real code when they are put into it. */

import { CLOSES } from "./mutations/closes.ts";
import { COMMANDS } from "./mutations/commands.ts";
import { GRANTS } from "./mutations/grants.ts";
import { GUARD } from "./mutations/guard.ts";
import { KEYS } from "./mutations/keys.ts";
import { LOSSES } from "./mutations/losses.ts";
import { MATCHING } from "./mutations/matching.ts";
import { RELOADS } from "./mutations/reloads.ts";
import { USES } from "./mutations/uses.ts";
import { YEARS } from "./mutations/years.ts";
import type { Mutation } from "./mutations/mutation.ts";

/** In the order of the table in docs/simulation.md. */
export const MUTATIONS: readonly Mutation[] = [
  ...USES,
  ...LOSSES,
  ...MATCHING,
  ...GRANTS,
  ...CLOSES,
  ...COMMANDS,
  ...GUARD,
  ...RELOADS,
  ...KEYS,
  ...YEARS,
];
