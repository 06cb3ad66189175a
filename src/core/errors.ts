/** Errors that reach a person, and the exit codes that go with them. */

/** Exit codes of every command; the values are sysexits(3) where it has one. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  /** EX_USAGE */
  usage: 64,
  /** EX_NOPERM */
  privilege: 77,
  /** EX_CONFIG */
  config: 78,
  /** A person left by Ctrl-C: 128 and SIGINT, as the shell says of a program that this signal ended. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * An error whose message is one finished sentence for a person: the failed action, a colon, the
 * current state, then the wanted state. Never holds a secret. Anything else thrown is a bug.
 */
export class SallyportError extends Error {
  override readonly name: string = "SallyportError";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = ExitCode.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** An action that needs a "yes" first. The message says what it would do, and to whom. */
export class NeedsYes extends SallyportError {
  override readonly name: string = "NeedsYes";
}

/** The facts about a failed call at the border to the kernel or a C library. */
export interface OpFailure {
  /** The action, in words: "add a grant", "open a capture". */
  readonly operation: string;
  /** The object of the action: "inet sallyport grants4", "eth0". */
  readonly object: string;
  /** The reason: an errno name, or the library's own text. */
  readonly detail: string;
  /** errno, positive; 0 where the library has none. */
  readonly code: number;
  /** The remedy for the reader; a clause without a full stop. */
  readonly remedy: string;
  readonly exitCode?: ExitCode;
}

/** The one error of the kernel border: `Cannot OPERATION OBJECT: DETAIL: REMEDY`. */
export class OpError extends SallyportError {
  override readonly name: string = "OpError";
  readonly operation: string;
  readonly object: string;
  readonly detail: string;
  readonly code: number;
  /** It may have been done all the same: a reply of the kernel was lost, and so was each answer about its outcome. */
  mayHaveHappened = false;

  constructor(failure: OpFailure, options?: ErrorOptions) {
    super(
      `Cannot ${failure.operation} ${failure.object}: ${failure.detail}: ${failure.remedy}`,
      failure.exitCode,
      options,
    );
    this.operation = failure.operation;
    this.object = failure.object;
    this.detail = failure.detail;
    this.code = failure.code;
  }
}

/** The message of any thrown value, for logs and for wrapping. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
