/** Reads how long a probation of the guard lasts. */

import { MAX_ARM_MS, MIN_ARM_MS } from "../api/schemas.ts";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { printable } from "./output.ts";

/** Milliseconds; throws a usage error that names the limits. */
export function readProbation(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= MIN_ARM_MS && ms <= MAX_ARM_MS) return ms;
  throw new SallyportError(
    `Cannot arm for "${printable(text)}": it is not a duration from ${formatDuration(MIN_ARM_MS)} to ${formatDuration(MAX_ARM_MS)}: write one such as 2m`,
    ExitCode.usage,
  );
}
