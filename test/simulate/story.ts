/** What happens in a simulated story: drawn from its seed before it begins, so that parts can be left out. */

import type { KernelFault } from "./kernel-faults.ts";
import type { KeyChange } from "./key-ring.ts";

/** How the network treats a knock. */
export interface Road {
  /** Percent of packets. */
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Between two packets, in milliseconds. */
  readonly gapMs: number;
  /** For the dice of this knock alone. */
  readonly seed: number;
}

export type Deed =
  | { readonly type: "knock"; person: number; door: string; clockMs: number; road: Road }
  /** One of the last knocks again: `back` from the last, 0 for the last. */
  | { readonly type: "replay"; back: number; own: boolean; road: Road }
  | { readonly type: "fixed"; person: number; closing: boolean; road: Road }
  /** So many addresses that nobody knows knock the fixed sequence, from the `first` of them on. */
  | { readonly type: "crowd"; first: number; strangers: number }
  | { readonly type: "open"; person: number; door: string }
  /** A door is opened by hand to so many addresses, more than are listed or ended at once. */
  | { readonly type: "many"; door: string; strangers: number }
  | { readonly type: "close"; which: number }
  | { readonly type: "connect"; person: number; port: number; forMs: number }
  /** Somebody writes this configuration into the file, and has it read. */
  | { readonly type: "reload"; number: number; broken: boolean; yes: boolean; armMs?: number }
  /** Somebody changes the key of a person in keys.toml, and, if `told`, has it read. */
  | { readonly type: "keys"; person: number; how: KeyChange; told: boolean; keepSessions: boolean }
  | { readonly type: "arm"; forMs: number }
  | { readonly type: "confirm"; force: boolean }
  | { readonly type: "clock"; byMs: number }
  /**
   * The process dies at this border of its work, counted from now; `at`: only borders of this name count;
   * `next`: at a border of the next process, which may be in its start.
   */
  | { readonly type: "kill"; border: number; downMs: number; at?: string; next?: true }
  | {
      readonly type: "power cut";
      border: number;
      downMs: number;
      seed: number;
      at?: string;
      next?: true;
    }
  | { readonly type: "restart"; downMs: number; reboot: boolean }
  | { readonly type: "flush" }
  /** `unheard`: the kernel's notification is lost; `single`: only one element of each set goes. */
  | { readonly type: "empty"; set: string; unheard: boolean; single?: number }
  | { readonly type: "spoil" }
  | { readonly type: "kernel fault"; fault: KernelFault; times: number }
  | { readonly type: "keys file"; state: "broken" | "empty" | "gone" }
  | { readonly type: "late notices"; forMs: number; seed: number }
  | { readonly type: "disk"; code: string; forMs: number }
  | { readonly type: "no processes"; times: number }
  | { readonly type: "wait" };

export interface Act {
  readonly afterMs: number;
  readonly deed: Deed;
}

export interface Story {
  readonly seed: number;
  readonly setSize: number;
  readonly movesEnds: boolean;
  readonly acts: readonly Act[];
  /** Long silences lie between the acts; absent where there are none. */
  readonly sparse?: Sparse;
}

export interface Sparse {
  /** By the clock of the machine, in Unix milliseconds. */
  readonly beginMs: number;
  /** How long everything may take to end after the last act. */
  readonly restMs: number;
  /** The middle of each silence is passed over where nothing changes in it; see `Silence`. */
  readonly leaps: boolean;
}

export type Random = (below: number) => number;
