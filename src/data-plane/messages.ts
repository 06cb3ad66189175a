/** What the two threads say to each other. Plain data: it is copied, but for the keys and names of a plan, which are shared. */

import type { MessagePort } from "node:worker_threads";
import type { Address } from "../core/address.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { ExitCode } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import type { Hit, SourceHits } from "../match/hit-table.ts";
import type { KnownUse } from "../match/subject.ts";
import type { LedgerPage } from "./ledger.ts";
import type { PlanMemory } from "./plan.ts";

/** How the data plane is started. */
export interface DataPlaneStart {
  readonly plan: PlanMemory;
  /** `Counters.memory` */
  readonly counters: SharedArrayBuffer;
  /** eventfd(2) that wakes the data plane when a request waits; the control plane owns it. */
  readonly wakeFd: number;
  /** Requests and replies. */
  readonly port: MessagePort;
}

/** What the control plane asks of the data plane. */
export type Request =
  /** The guard stands: open the grants' netlink socket, bring living grants back, and take none of `uses` again. */
  | { readonly type: "begin"; readonly uses: readonly KnownUse[] }
  /** Replaces doors, keys and captures; the old ones stay when this fails. */
  | { readonly type: "configure"; readonly plan: PlanMemory }
  | {
      readonly type: "open";
      readonly door: string;
      readonly address: Address;
      readonly forMs?: number;
    }
  | { readonly type: "close"; readonly id: string }
  /** Some of the grants, oldest first: those after a page that ended at `after`, 0 to begin with. */
  | { readonly type: "grants"; readonly after: number; readonly most: number }
  /** Memory was given back: what a knock needs is to be run once more before somebody knocks. */
  | { readonly type: "warm-up" }
  /** Answers as soon as the loop comes round: a sign of life. */
  | { readonly type: "ping" }
  /** What is known of an address; the control plane makes sentences of it. */
  | { readonly type: "why"; readonly address: Address }
  | {
      readonly type: "uses";
      readonly door: string;
      readonly user: string;
      readonly device: string;
    }
  /** Sources that knocked `least` times or more and stopped, each try once, at most `most` of them. */
  | { readonly type: "quiet"; readonly least: number; readonly most: number }
  /** Puts back those of these grants that should live; who asks knows that the kernel has them not. */
  | { readonly type: "repair-grants"; readonly ids: readonly string[] }
  /** These fixed doors owe too many close commands to open to anybody new. */
  | { readonly type: "behind"; readonly doors: readonly string[] }
  /** Tells the kernel some of the uses it has to know, in the manner of `grants`. */
  | { readonly type: "remember"; readonly after: number; readonly most: number }
  | { readonly type: "stop" };

/** The answer to each request. */
export interface Answers {
  begin: { readonly restored: number };
  configure: null;
  open: Grant;
  close: Grant | undefined;
  grants: LedgerPage;
  "warm-up": null;
  ping: null;
  why: Memory;
  uses: KnownUse[];
  quiet: SourceHits[];
  "repair-grants": { readonly entered: number };
  remember: { readonly next?: number };
  behind: null;
  stop: null;
}

/** What the data plane remembers of one address. */
export interface Memory {
  /** Its last knocks, oldest first. */
  readonly hits: readonly Hit[];
  /** Since when an address that knocked twice is surely remembered: Unix milliseconds. */
  readonly sinceMs: number;
  /** The doors that are open to it now. */
  readonly grants: readonly Grant[];
}

export interface Asked {
  readonly id: number;
  readonly request: Request;
}

/** An error on its way between threads: a SallyportError cannot be cloned with its class. */
export interface Failure {
  readonly message: string;
  readonly exitCode: ExitCode;
}

export type Told =
  | {
      readonly type: "attached";
      readonly interfaces: readonly string[];
      /** The kernel's id of the data plane's thread. */
      readonly thread: number;
    }
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly failure: Failure }
  /** The path of a knock is warm and its garbage is gone: the start is over. */
  | { readonly type: "warm" }
  /** Knocks came since this was told last. */
  | { readonly type: "heard" }
  /** Somebody set the wall clock. */
  | { readonly type: "clock" }
  /** Somebody else changed our table. */
  | { readonly type: "touched" }
  | { readonly type: "event"; readonly event: DaemonEvent }
  /** The data plane cannot go on; it ends by itself. */
  | { readonly type: "failed"; readonly failure: Failure };
