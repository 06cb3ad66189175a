/** What the API needs of a running daemon; `control-plane/` implements it, tests write their own. */

import type { Caller } from "../config/differences.ts";
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
  keys: "A door has no key that could open it",
  clock: "Rotating doors wait until no knock used before can be accepted again",
  config: "The configuration or the keys are broken: what worked last is in force",
  listen: "A listener of the API could not be had",
  state: "The state directory cannot be read or written",
  probation: "Nothing is guarded",
  stopping: "The daemon is stopping",
} as const;

export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  /** One sentence for the operator: names the interface, file or set. Shown on the unix socket only. */
  readonly detail?: string;
  /** "config.toml:12", where a file of the operator is to be mended; anybody may read it. */
  readonly place?: string;
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

/** What a finding of `why` is about; all but the first four are why a door did not open. */
export const WHY_KINDS = [
  "open", // a door is open to the address now
  "opened", // a knock that opened a door
  "closed", // a fixed sequence that closed one
  "allowed", // guard.always_allow holds the address
  "incomplete", // ports of a rotating sequence are missing
  "clock", // all of them, of a slot too far away
  "slow", // all of them, but not within one window
  "crowded", // all of them, among too many others
  "terms", // the link was made under other terms than those in force
  "used", // all of them, and used before
  "refused", // all of them, and the door could not be opened
  "fixed", // a fixed sequence, begun and not finished
  "unrelated", // knocks that are part of no sequence
  "silent", // nothing was heard
  "keys", // keys.toml is another than the daemon works by, or the key is only in it
  "not-ready", // a right knock may not open a door now
  "firewall", // another table drops a guarded port
] as const;

export interface WhyFinding {
  readonly kind: (typeof WHY_KINDS)[number];
  /** One sentence for the operator; it may name ports of sequences that are not used yet. */
  readonly sentence: string;
  /** The last knock of the try it is about: Unix milliseconds. */
  readonly atMs?: number;
}

export interface Explanation {
  readonly address: string;
  /** Never empty; what is open now comes first, then tries from the latest on, then what is no knock's fault. */
  readonly findings: readonly WhyFinding[];
}

/** What came of reading the keys again. */
export interface KeysTold {
  /** One sentence. */
  readonly done: string;
  /** The keys.toml that was read. */
  readonly file: string;
  /** Grants of devices whose key is gone or another: ended, with their sessions. */
  readonly ended: readonly Grant[];
  /** Where sessions of such devices were ended whose grants were over. */
  readonly cut: readonly { readonly door: string; readonly address: string }[];
}

/** The guard is not permanent yet. */
export interface ProbationView {
  /** Unix milliseconds. */
  readonly untilMs: number;
  /** Unless somebody confirms: the ports open, or what ran before the last reload comes back. */
  readonly otherwise: "open" | "back";
}

export interface ReloadRequest {
  /** Even where it cuts somebody off. */
  readonly yes?: boolean | undefined;
  /** Guard on probation for so long: what runs now comes back unless somebody confirms. */
  readonly armMs?: number | undefined;
  /** From where whoever asks is connected, where he is. */
  readonly from?: Caller | undefined;
}

/** What came of a reload. */
export interface ReloadTold {
  /** One sentence. */
  readonly done: string;
  /** Who is cut off and what else is reached otherwise now, one sentence each. */
  readonly changes: readonly string[];
  /** What is allowed and may not be meant, one sentence each. */
  readonly warnings: readonly string[];
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
  /** What the operator should know although knocks open doors, each one sentence: keys that were not read yet. */
  notices(): readonly string[];
  /** Undefined where the guard is permanent, or a probation ended without a confirmation. */
  probation(): ProbationView | undefined;
  doors(): readonly DoorView[];
  grants(): Promise<readonly Grant[]>;
  /**
   * Opens the door, or moves the end of a grant it has. `forMs` undefined: the door's own open_for.
   * The name is one of `doors()`. Throws SallyportError when the door cannot be opened.
   */
  open(door: string, address: Address, forMs: number | undefined): Promise<Grant>;
  /** Ends a grant; undefined when there is none of this id. */
  close(id: string): Promise<Grant | undefined>;
  /** What was heard from an address and what was missing; throws SallyportError while that is not known. */
  why(address: Address): Promise<Explanation>;
  /**
   * Reads the configuration and the keys again. Throws SallyportError (78) when they are wrong, NeedsYes when
   * somebody would be cut off who should know before (`dangerOf`), and then nothing changed.
   */
  reload(request: ReloadRequest): Promise<ReloadTold>;
  /**
   * Reads keys.toml again and nothing else: what was added opens from now on, what was removed does not.
   * Ends the grants of devices whose key is gone, and their sessions, unless `keepSessions`. Throws
   * SallyportError (78) when the file is wrong, and then nothing changed.
   */
  reloadKeys(keepSessions: boolean): Promise<KeysTold>;
  /** Guards on probation from now on: unless `confirm` is called, the kernel stops guarding after `forMs`. */
  arm(forMs: number): Promise<string>;
  /** Ends the probation; throws SallyportError that says which proof is missing, unless `force`. */
  confirm(force: boolean): Promise<string>;
}
