/** One line about the daemon for the service manager; anybody may read it. */

import type { GuardState } from "./guard/guard-loader.ts";
import { placeOfMistake } from "./last-config.ts";

const GUARDING = {
  permanent: "guarding",
  probation: "guarding on probation (see sallyport status)",
  lapsed: "guarding nothing (nobody confirmed the probation)",
} as const satisfies Record<GuardState, string>;

/** `mistake`: why the files were refused, where the configuration that worked last is in force. */
export function summarize(state: GuardState, mistake: string | undefined): string {
  const guarding = GUARDING[state];
  if (mistake === undefined) return guarding;
  return `${guarding} and opening by the files that worked last: ${placeOfMistake(mistake) ?? "the configuration"} is broken: mend it and reload`;
}
