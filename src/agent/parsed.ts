/** What the bytes of a program that has just connected say so far. */

export type Parsed<T> =
  /** More bytes are needed. */
  | { readonly kind: "more" }
  /** The message, and its length; what follows it is not part of it. */
  | { readonly kind: "whole"; readonly value: T; readonly length: number }
  /** No message of this kind; `answer` is what its sender is told, empty for nothing. */
  | { readonly kind: "broken"; readonly reason: string; readonly answer: Uint8Array };

/** Why a dial leads to no connection, as both protocols have a word for it. */
export type FailureKind =
  /** No profile leads there. */
  | "forbidden"
  /** A reset. */
  | "refused"
  /** No answer, whatever was sent. */
  | "silent"
  /** No such name, no route, no slot. */
  | "failed";
