/** A door on its way into config.toml. */

import type { Port, PortRange } from "../core/port.ts";

export interface DraftRun {
  readonly open?: readonly string[];
  readonly close?: readonly string[];
  readonly privileged: boolean;
}

export interface DraftDoor {
  readonly name: string;
  /** The sections it was made from, and their lines. */
  readonly sections: readonly { readonly name: string; readonly line: number }[];
  readonly opens: readonly PortRange[];
  /** Absent: `users` open it. */
  readonly knocks?: readonly Port[];
  readonly sequenceLine: number;
  readonly timeoutMs?: number;
  readonly closeKnocks?: readonly Port[];
  readonly users?: readonly string[];
  readonly openForMs: number;
  /** A comment behind `open_for`. */
  readonly openForComment?: string;
  readonly run?: DraftRun;
  /** Absent: the default. */
  readonly maxGrants?: number;
  /**
   * Present: a plain scan completes `knocks`, in words that follow "is"; with a better sequence.
   */
  readonly weakness?: { readonly why: string; readonly better: readonly Port[] };
}

/** A section that only closes another section's opening. */
export interface Closer {
  readonly section: { readonly name: string; readonly line: number };
  readonly commandLine: number;
  readonly sequenceLine: number;
  readonly knocks: readonly Port[];
  readonly timeoutMs: number;
  readonly timeoutLine: number | undefined;
  readonly closes: readonly PortRange[] | "some";
  /** The other commands that it runs. */
  readonly run?: readonly string[];
  readonly privileged: boolean;
}

/** The result of a section; "nothing": its lines say why. */
export type Converted =
  | { readonly kind: "door"; readonly door: DraftDoor }
  | { readonly kind: "closer"; readonly closer: Closer }
  | { readonly kind: "nothing"; readonly why: string };
