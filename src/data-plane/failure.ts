/** Errors on their way between threads: a class does not survive the copy, its sentence does. */

import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import type { Failure } from "./messages.ts";

/** A bug keeps its stack in the message; it is for us, not for the user. */
export function toFailure(error: unknown): Failure {
  if (error instanceof SallyportError) return { message: error.message, exitCode: error.exitCode };
  const message = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return { message, exitCode: ExitCode.failure };
}

export function fromFailure({ message, exitCode }: Failure): SallyportError {
  return new SallyportError(message, exitCode);
}
