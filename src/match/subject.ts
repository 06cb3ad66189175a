/** What a matcher listens for, what it tells of it, and to whom. */

import type { Address } from "../core/address.ts";
import type { FixedSequence } from "../core/fixed-sequence.ts";
import type { KnockSpace } from "../rks/space.ts";

/** One device at one door: a new sequence every slot. */
export interface RotatingSubject {
  readonly door: string;
  readonly user: string;
  readonly device: string;
  readonly key: Uint8Array;
  readonly space: KnockSpace;
}

/** One fixed sequence of a door, and what it asks for. */
export interface FixedSubject {
  readonly door: string;
  readonly action: "open" | "close";
  readonly sequence: FixedSequence;
}

/** A complete rotating sequence. */
export interface RotatingMatch {
  readonly kind: "rotating";
  readonly subject: RotatingSubject;
  readonly slot: number;
  readonly source: Address;
  /** When the packet that completed it was captured: Unix milliseconds. */
  readonly timeMs: number;
  /** `useId` of key, door and slot. */
  readonly use: Uint8Array;
}

/** A complete fixed sequence. */
export interface FixedMatch {
  readonly kind: "fixed";
  readonly subject: FixedSubject;
  readonly source: Address;
  readonly timeMs: number;
}

/** Where a matcher tells of matches, during `feed`; the objects are the receiver's to keep. */
export interface MatchSink {
  /**
   * A sequence not used before is complete. Answer "spent" when its use is recorded (opened now, or the
   * kernel knew the use already) and "kept" when the opening failed, so that the use stays available.
   */
  rotating(match: RotatingMatch): "spent" | "kept";
  /** Tells every completion: a fixed sequence may be used again and again. */
  fixed(match: FixedMatch): void;
  /**
   * The used sequence again, from the address that used it, and later than copies of one knock come (a
   * window): once per use.
   */
  repeated(match: RotatingMatch): void;
  /** The used sequence from another address than `first`; once per subject and slot. */
  reused(match: RotatingMatch, first: Address, firstMs: number): void;
}

/** A use as a matcher hands it on and takes it over: from the store, the kernel or an earlier matcher. */
export interface KnownUse {
  readonly door: string;
  readonly user: string;
  readonly device: string;
  /** Length of the slots that `slot` counts: of slots of another length it says nothing. */
  readonly stepSeconds: number;
  /** This slot and all before it are spent. */
  readonly slot: number;
  /** Who used it and when, where that is known; without it, a repeat of it is refused in silence. */
  readonly source?: Address;
  readonly timeMs?: number;
  /** Whether `repeated` and `reused` were told of it already. */
  readonly repeated?: boolean;
  readonly reused?: boolean;
}
