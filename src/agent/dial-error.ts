/** A dial that led to no connection. */

import { SallyportError } from "../core/errors.ts";
import type { FailureKind } from "./parsed.ts";

/** Its message is told to a person; `kind` to the program that dialled. */
export class DialError extends SallyportError {
  override readonly name: string = "DialError";
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, undefined, options);
    this.kind = kind;
  }
}
