/**
 * The messages between the two threads. Plain data: it is copied, except for the keys and names of
 * a plan, which are shared.
 */

import type { MessagePort } from "node:worker_threads";
import type { Address } from "../core/address.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { ExitCode } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import type { HeardSource, Hit, SourceHits } from "../match/hit-table.ts";
import type { KnownUse } from "../match/subject.ts";
import type { LedgerPage } from "./ledger.ts";
import type { PlanMemory } from "./plan.ts";

/** The start data of the data plane. */
export interface DataPlaneStart {
  readonly plan: PlanMemory;
  /** Where none of the plan's interfaces exists, it begins all the same, and listens on all there are. */
  readonly mayStandIn: boolean;
  /** `Counters.memory` */
  readonly counters: SharedArrayBuffer;
  /** eventfd(2) that wakes the data plane when a request waits; the control plane owns it. */
  readonly wakeFd: number;
  /** For requests and replies */
  readonly port: MessagePort;
}

/** The requests of the control plane by their names. `handlers.ts` has one handler for each. */
export interface Requests {
  /**
   * The guard is loaded: opens the grants' netlink socket, brings back living grants, and refuses
   * all of `uses`.
   */
  begin: Asks<{ uses: readonly KnownUse[] }, { restored: number; uses: readonly KnownUse[] }>;
  /** Replaces doors, keys and captures; the old ones stay when this fails. */
  configure: Asks<{ plan: PlanMemory }, null>;
  open: Asks<{ door: string; address: Address; forMs?: number }, Grant>;
  /** Undefined for an id that no grant has. */
  close: Asks<{ id: string }, Grant | undefined>;
  /**
   * Some of the grants, oldest first: those after a page that ended at `after`, 0 for the first
   * page.
   */
  grants: Asks<{ after: number; most: number }, LedgerPage>;
  /**
   * Puts back those of these grants that should be alive; the caller knows that the kernel lacks
   * them.
   */
  "repair-grants": Asks<{ ids: readonly string[] }, { entered: number }>;
  /** These fixed doors owe too many close commands to open to anybody new. */
  behind: Asks<{ doors: readonly string[] }, null>;
  /** The memory of an address; the control plane makes sentences of it. */
  why: Asks<{ address: Address }, Memory>;
  /** The addresses that knocked last, as `HitLog.latest` has them. */
  heard: Asks<{ sinceMs: number; most: number }, HeardSource[]>;
  uses: Asks<{ door: string; user: string; device: string }, KnownUse[]>;
  /**
   * Sources that knocked `least` times or more and stopped, each try once, at most `most` of them.
   */
  quiet: Asks<{ least: number; most: number }, SourceHits[]>;
  /** Tells the kernel some of the uses that it must know, in pages like `grants`. */
  remember: Asks<{ after: number; most: number }, { next?: number }>;
  /** Memory was released: runs the path of a knock once more, before somebody knocks. */
  "warm-up": Asks<{}, null>;
  /** Replies as soon as the loop comes round: a sign of life. */
  ping: Asks<{}, null>;
  stop: Asks<{}, null>;
}

/** The facts of a request, and the reply to it. */
interface Asks<Facts, Answer> {
  readonly facts: Readonly<Facts>;
  readonly reply: Readonly<Answer>;
}

export type RequestName = keyof Requests;

/** A request of one of these names, in the form that is sent. */
export type Request<Name extends RequestName = RequestName> = {
  [N in Name]: { readonly type: N } & Requests[N]["facts"];
}[Name];

export type Reply<Name extends RequestName> = Requests[Name]["reply"];

/**
 * Sends a request to the data plane; rejects with SallyportError where it is refused, or the data
 * plane ends.
 */
export type Ask = <Name extends RequestName>(
  request: Extract<Request, { type: Name }>,
) => Promise<Reply<Name>>;

/** The data plane's part of every request; an error that a handler throws is the refusal. */
export type Handlers = {
  readonly [Name in RequestName]: (request: Request<Name>) => Reply<Name>;
};

/** The data plane's memory of one address. */
export interface Memory {
  /** Its last knocks, oldest first. */
  readonly hits: readonly Hit[];
  /** Every address that knocked twice since this time (Unix milliseconds) is remembered. */
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
  /** Knocks came since the last such message. */
  | { readonly type: "heard" }
  /** Somebody set the wall clock. */
  | { readonly type: "clock" }
  /** Another program changed our table. */
  | { readonly type: "touched" }
  /** Another program changed another table. */
  | { readonly type: "others" }
  | { readonly type: "event"; readonly event: DaemonEvent }
  /** The data plane cannot go on; it ends by itself. */
  | { readonly type: "failed"; readonly failure: Failure };
