/** The subjects that a matcher listens for, its matches, and the sink that receives them. */

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

/** One fixed sequence of a door, and the terms that its knocks must meet. */
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
  /** When the completing packet was captured, in Unix milliseconds. */
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

/** Receives the matches during `feed`; the objects belong to the receiver. */
export interface MatchSink {
  /**
   * An unused sequence is complete. Return "spent" when its use is recorded (opened now, or the
   * kernel knew the use already) and "kept" when the opening failed, so that the use stays
   * available.
   */
  rotating(match: RotatingMatch): "spent" | "kept";
  /** A fixed sequence is complete. Called every time: it may be used again and again. */
  fixed(match: FixedMatch): void;
  /**
   * The used sequence again, from the address that used it, later than a copy of the same knock can
   * come (a window). Called once for each use.
   */
  repeated(match: RotatingMatch): void;
  /** The used sequence from another address than `first`. Called once for each subject and slot. */
  reused(match: RotatingMatch, first: Address, firstMs: number): void;
}

/**
 * A use in the form in which a matcher returns it and takes it over: from the store, the kernel or
 * an earlier matcher.
 */
export interface KnownUse {
  readonly door: string;
  readonly user: string;
  readonly device: string;
  /**
   * The length of the slots that `slot` counts. The use says nothing about slots of another length.
   */
  readonly stepSeconds: number;
  /** This slot and all earlier ones are spent. */
  readonly slot: number;
  /**
   * The source and the time of the use, where they are known; without them a repeat is refused
   * silently.
   */
  readonly source?: Address;
  readonly timeMs?: number;
  /** Whether `repeated` and `reused` were called for it already. */
  readonly repeated?: boolean;
  readonly reused?: boolean;
  /**
   * After a loss of memory: it may have been made. It is refused while these plans last, and is
   * told to nobody, so that it never counts as made.
   */
  readonly doubtful?: boolean;
}
