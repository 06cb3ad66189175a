/** What the two threads say to each other. Plain data: it is copied, never shared. */

import type { Address } from "../core/address.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { ExitCode } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import type { Plan } from "./plan.ts";

/** How the data plane is started. */
export interface DataPlaneStart {
  readonly plan: Plan;
  /** `Counters.memory` */
  readonly counters: SharedArrayBuffer;
  /** eventfd(2) that wakes the data plane when a request waits; the control plane owns it. */
  readonly wakeFd: number;
  /** Requests and replies. */
  readonly port: MessagePort;
}

/** What the control plane asks of the data plane. */
export type Request =
  /** The guard stands: open the grants' netlink socket and bring living grants back. */
  | { readonly type: "begin" }
  /** Replaces doors, keys and captures; the old ones stay when this fails. */
  | { readonly type: "configure"; readonly plan: Plan }
  | {
      readonly type: "open";
      readonly door: string;
      readonly address: Address;
      readonly forMs?: number;
    }
  | { readonly type: "close"; readonly id: string }
  | { readonly type: "grants" }
  /** Puts back grants and uses that are missing in the kernel. */
  | { readonly type: "reenter" }
  | { readonly type: "stop" };

/** The answer to each request. */
export interface Answers {
  begin: { readonly restored: number };
  configure: null;
  open: Grant;
  close: Grant | undefined;
  grants: Grant[];
  reenter: { readonly missing: number; readonly intended: number };
  stop: null;
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
  | { readonly type: "attached"; readonly interfaces: readonly string[] }
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly failure: Failure }
  /** Somebody else changed our table. */
  | { readonly type: "touched" }
  | { readonly type: "event"; readonly event: DaemonEvent }
  /** The data plane cannot go on; it ends by itself. */
  | { readonly type: "failed"; readonly failure: Failure };
