/**
 * The part of a running daemon that the API needs. `control-plane/` implements it; tests write
 * their own.
 */

import type { Address, Prefix } from "../core/address.ts";
import type { Caller } from "../core/caller.ts";
import type { Counters } from "../core/counters.ts";
import type { Grant } from "../core/grant.ts";

/**
 * Every reason not to be ready, with the sentence that anybody may read. The sentences are fixed,
 * so that no door, user, port or address can slip into the answer of a listener that asks for no
 * password.
 */
export const REASONS = {
  starting: "The guard is not up yet",
  capture: "Packets are not captured as configured",
  drops: "The kernel dropped packets before they could be examined",
  firewall: "The rule set in the kernel is not as intended",
  full: "The kernel has no room for another grant",
  keys: "A door has no key that could open it",
  clock: "Rotating doors wait until no knock used before can be accepted again",
  config: "The configuration or the keys are broken: the files that worked last are in force",
  listen: "A listener of the API could not start",
  state: "The state directory cannot be read or written",
  probation: "Nothing is guarded",
  stopping: "The daemon is stopping",
} as const;

export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  /**
   * One sentence for the operator that names the interface, file or set. Shown on the unix socket
   * only.
   */
  readonly detail?: string;
  /** "config.toml:12", the place that the operator has to mend; anybody may read it. */
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

/** The subject of a finding of `why`. All but the first four say why a door did not open. */
export const WHY_KINDS = [
  "open", // a door is open to the address now
  "opened", // a knock that opened a door
  "closed", // a fixed sequence that closed a door
  "allowed", // guard.always_allow holds the address
  "incomplete", // ports of a rotating sequence are missing
  "clock", // all ports, of a slot too far away
  "slow", // all ports, but not within one window
  "crowded", // all ports, among too many others
  "terms", // the link has other terms than those in force
  "used", // all ports, of a sequence used before
  "refused", // all ports, but the door could not be opened
  "fixed", // a fixed sequence, begun and not finished
  "unrelated", // knocks that are part of no sequence
  "silent", // nothing was heard
  "keys", // the daemon works by another keys.toml, or the key is only in the new one
  "not-ready", // a right knock may not open a door now
  "firewall", // another table drops a guarded port
] as const;

export interface WhyFinding {
  readonly kind: (typeof WHY_KINDS)[number];
  /** One sentence for the operator; it may name ports of unused sequences. */
  readonly sentence: string;
  /** The last knock of the try, in Unix milliseconds. */
  readonly atMs?: number;
}

export interface Explanation {
  readonly address: string;
  /**
   * Never empty. Open doors come first, then tries from the latest on, then causes that no knock
   * can change.
   */
  readonly findings: readonly WhyFinding[];
}

/** An address that knocked more than once. */
export interface HeardAddress {
  readonly address: string;
  /** How many of its knocks are remembered: at most the last 128. */
  readonly knocks: number;
  /** Its last knock, in Unix milliseconds. */
  readonly lastMs: number;
}

export interface Device {
  readonly user: string;
  readonly device: string;
}

/** The result of reading the keys again. */
export interface KeysTold {
  /** One sentence. */
  readonly done: string;
  /** The keys.toml that was read. */
  readonly file: string;
  /** The devices that had a key before, and have none or another one now. */
  readonly lost: readonly Device[];
  /** The grants of devices whose key is gone or changed: ended, with their sessions. */
  readonly ended: readonly Grant[];
  /** Where sessions of such devices were ended although their grants were over already. */
  readonly cut: readonly { readonly door: string; readonly address: string }[];
  /** Why no key opens a door now, for how long, one sentence; absent where keys open. */
  readonly wait?: string;
}

/** The guard is not permanent yet. */
export interface ProbationView {
  /** Unix milliseconds. */
  readonly untilMs: number;
  /**
   * What happens unless somebody confirms: the ports open, or the state before the last reload
   * returns.
   */
  readonly otherwise: "open" | "back";
}

export interface ReloadRequest {
  /** Reload even where that cuts somebody off. */
  readonly yes?: boolean | undefined;
  /**
   * The guard is on probation for this long: the present configuration returns unless somebody
   * confirms.
   */
  readonly armMs?: number | undefined;
  /** The connection of the person who asks, where there is one. */
  readonly from?: Caller | undefined;
}

/** The result of a reload. */
export interface ReloadTold {
  /** One sentence. */
  readonly done: string;
  /** The people cut off and the ports reached differently now, one sentence each. */
  readonly changes: readonly string[];
  /** Settings that are allowed but may not be meant, one sentence each. */
  readonly warnings: readonly string[];
}

/** Devices whose keys somebody took away: one, or without `device` all of the user. */
export interface Removed {
  readonly user: string;
  readonly device?: string;
}

export interface KeysRequest {
  /** Leave the grants and sessions of devices whose key is gone as they are. Default: false. */
  readonly keepSessions?: boolean;
  /** What they opened ends also where the daemon has heard already that these keys are gone. */
  readonly removed?: Removed;
  /** Take them even where that cuts somebody off. Default: false. */
  readonly yes?: boolean;
}

export interface KeysCheck {
  /** Devices that are about to be removed: their loss counts for nothing. */
  readonly removed?: Removed | undefined;
  /** The connection of the person who asks, where there is one. */
  readonly from?: Caller | undefined;
}

/** The keys.toml that the daemon would read now. */
export interface KeysSeen {
  readonly file: string;
  /** Tells its folder from another one of that name, as below a disk that is not mounted; empty where there is none. */
  readonly folder: string;
}

/** The sessions of whatever a user or a device opened, or of a network, through one door or all. */
export type SessionsOf =
  | {
      readonly user: string;
      readonly device?: string;
      /** Whoever asks: sessions from there are left, since others than that user may be behind the address. */
      readonly from?: Caller;
    }
  | { readonly network: Prefix; readonly door?: string };

/** A door and an address between which sessions were cut. */
export interface CutPlace {
  readonly door: string;
  /** In the form of a grant's address. */
  readonly address: string;
  readonly sessions: number;
}

export interface SessionsCut {
  readonly cut: readonly CutPlace[];
  /** How many more places were opened earlier, too many to search. */
  readonly unsearched: number;
  /** Places that were left because the caller is connected from there. */
  readonly spared: readonly { readonly door: string; readonly address: string }[];
}

/** The daemon, seen from the API. */
export interface Control {
  readonly counters: Counters;
  /** Unix milliseconds. */
  readonly startedMs: number;
  /** The absolute path of the configuration that a reload reads. */
  readonly config: string;
  /** Milliseconds since the start, by a clock that nobody can set. */
  uptimeMs(): number;
  /** Bytes of memory that the process holds. Undefined where nothing can be read. */
  residentBytes(): number | undefined;
  /** Why a right knock may not open its door now; empty when ready. At most one reason per code. */
  readiness(): readonly Reason[];
  /**
   * Facts that the operator should know although knocks open doors, such as keys that were not read
   * yet; one sentence each.
   */
  notices(): readonly string[];
  /** Undefined where the guard is permanent, or a probation ended without a confirmation. */
  probation(): ProbationView | undefined;
  doors(): readonly DoorView[];
  grants(): Promise<readonly Grant[]>;
  /**
   * Opens the door, or moves the end of its grant for this address. `forMs` undefined: the
   * `open_for` of the door. The name is one of `doors()`. Throws SallyportError when the door
   * cannot be opened.
   */
  open(door: string, address: Address, forMs: number | undefined): Promise<Grant>;
  /** Ends a grant; undefined when no grant has this id. */
  close(id: string): Promise<Grant | undefined>;
  /**
   * Cuts sessions that outlived the grants which let them in, and that no other grant and no
   * `always_allow` lets in. Throws SallyportError where it cannot know or end them all.
   */
  cutSessions(of: SessionsOf): Promise<SessionsCut>;
  /**
   * Says what was heard from an address and what it missed. Throws SallyportError while that is not
   * known.
   */
  why(address: Address): Promise<Explanation>;
  /**
   * The addresses that knocked in the last ten minutes, the latest 20, latest first. Throws
   * SallyportError while that is not known.
   */
  heard(): Promise<readonly HeardAddress[]>;
  /**
   * Reads the configuration and the keys again. Throws SallyportError (78) when they are wrong, and
   * NeedsYes when it would cut off somebody who should know before (`dangerOf`); then nothing
   * changed.
   */
  reload(request: ReloadRequest): Promise<ReloadTold>;
  /**
   * Reads keys.toml again and nothing else: added keys open from now on, removed keys do not. Ends
   * the grants of devices whose key is gone, and their sessions, unless `keepSessions`. Throws
   * SallyportError (78) when the file is wrong, and NeedsYes when it would cut off others than those
   * in `removed` who should know before (`dangerOf`); then nothing changed.
   */
  reloadKeys(request: KeysRequest): Promise<KeysTold>;
  /** Reads keys.toml and changes nothing. Throws what `reloadKeys` would, judging also by who asks. */
  checkKeys(request: KeysCheck): KeysSeen;
  /**
   * Puts the guard on probation: unless `confirm` is called, the kernel stops guarding after
   * `forMs`.
   */
  arm(forMs: number): Promise<string>;
  /**
   * Ends the probation. Throws a SallyportError that says which proof is missing, unless `force`.
   */
  confirm(force: boolean): Promise<string>;
}
