/** The prober's orders and results: plain data, one JSON text a line. */

import type { Load } from "./load/load.ts";

/** One opening for the prober: frames in base64. */
export interface ProbeOpening {
  readonly source: string;
  readonly knocks: readonly string[];
  readonly completes: number;
  /** A SYN to the guarded port; its source port is replaced. */
  readonly syn: string;
}

export interface ProbeOrder {
  readonly openings: readonly ProbeOpening[];
  /** Between two knocks of an opening. */
  readonly gapUs: number;
  /** Between two SYNs. */
  readonly everyUs: number;
  /** The time after which an opening has failed. */
  readonly patienceMs: number;
  /** Between two openings: at random, so that no peer's timer beats in step with them. */
  readonly restMs: readonly [least: number, most: number];
  /** Runs from `leadMs` before the first opening to the end of the last. */
  readonly load: Load | null;
  readonly leadMs: number;
}

export interface Opened {
  readonly source: string;
  /** From the sending of the completing knock to the sending of the first SYN that was accepted; null: none was. */
  readonly us: number | null;
  /** The same until its SYN-ACK was in the prober's hands: the upper bound. */
  readonly upperUs: number | null;
}

export interface ProbeAnswer {
  readonly opened: readonly Opened[];
  /** Honest frames sent: knocks, and SYNs to the guarded port. */
  readonly honest: number;
  /** Frames of the load that were sent, and in how many seconds. */
  readonly load: { readonly sent: number; readonly seconds: number };
}
