/** What the API needs of a running daemon; `daemon/` implements it, tests write their own. */

import type { Address } from "../core/address.ts";
import type { Counters } from "../core/counters.ts";
import type { Grant } from "../core/grant.ts";

/**
 * Every reason not to be ready, with the sentence anybody may read. The sentences are fixed so that
 * no door, user, port or address can slip into the answer of a listener that asks for no password.
 */
export const REASONS = {
  starting: "The guard is not up yet",
  capture: "Packets are not captured as configured",
  drops: "The kernel dropped packets before they could be examined",
  firewall: "The rule set in the kernel is not as intended",
  full: "The kernel has no room for another grant",
  match: "Knocks are not matched",
  keys: "A door has no key that could open it",
  clock: "Rotating doors wait until no knock used before can be accepted again",
  state: "The state directory cannot be read or written",
  probation: "The probation of the guard ended without a confirmation: nothing is guarded",
  stopping: "The daemon is stopping",
} as const;

export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  /** One sentence for the operator: names the interface, file or set. Shown on the unix socket only. */
  readonly detail?: string;
}

/** A door as the API shows it. */
export interface DoorView {
  readonly name: string;
  /** "22/tcp"; empty for a door that only runs commands. */
  readonly opens: readonly string[];
  readonly knock: "rotating" | "fixed";
  /** Empty for a fixed door. */
  readonly users: readonly string[];
  /** "30s" */
  readonly openFor: string;
  /** How many addresses it is open to now. */
  readonly grants: number;
}

/** The daemon, seen from the API. */
export interface Control {
  readonly counters: Counters;
  /** Unix milliseconds. */
  readonly startedMs: number;
  /** Milliseconds since the start, by a clock that nobody sets. */
  uptimeMs(): number;
  /** Why a right knock may not open its door now; empty: ready. At most one reason per code. */
  readiness(): readonly Reason[];
  doors(): readonly DoorView[];
  grants(): Promise<readonly Grant[]>;
  /**
   * Opens the door, or moves the end of a grant it has. `forMs` undefined: the door's own open_for.
   * The name is one of `doors()`. Throws SallyportError when the door cannot be opened.
   */
  open(door: string, address: Address, forMs: number | undefined): Promise<Grant>;
  /** Ends a grant; undefined when there is none of this id. */
  close(id: string): Promise<Grant | undefined>;
  /** Reads the configuration again; throws SallyportError (78) when it is wrong, and then nothing changed. */
  reload(): Promise<string>;
  /** Guards on probation from now on: unless `confirm` is called, the kernel stops guarding after `forMs`. */
  arm(forMs: number): Promise<string>;
  /** Ends the probation; throws SallyportError that says which proof is missing, unless `force`. */
  confirm(force: boolean): Promise<string>;
}
