/** Errors on their way between threads: the copy loses the class, but keeps the sentence. */

import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import type { Failure } from "./messages.ts";

/** The message of a bug includes its stack; it is for us, not for the user. */
export function toFailure(error: unknown): Failure {
  if (error instanceof SallyportError) return { message: error.message, exitCode: error.exitCode };
  const message = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return { message, exitCode: ExitCode.failure };
}

export function fromFailure({ message, exitCode }: Failure): SallyportError {
  return new SallyportError(message, exitCode);
}
