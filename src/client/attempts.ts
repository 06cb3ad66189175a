/** Knock, wait until the port answers, knock again: what rotating and fixed knocks have in common. */

import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { awaitOpen } from "./await-open.ts";
import { sendKnocks } from "./send.ts";
import { findTargets } from "./targets.ts";
import type { Target } from "./targets.ts";

/** The network as a knock needs it; `systemNetwork` is the real one. */
export interface Network {
  /** Addresses to knock on, the first to be tried first; at least one. */
  findTargets(host: string, family: Family | undefined): Promise<Target[]>;
  /** Sends the knocks in this order. */
  sendKnocks(target: Target, knocks: readonly Port[], gapMs: number): Promise<void>;
  /** The first connection that stands within `timeoutMs`, owned by the caller. */
  awaitOpen(target: Target, port: number, timeoutMs: number): Promise<Socket | undefined>;
}

export const systemNetwork: Network = { findTargets, sendKnocks, awaitOpen };

/** What a knock is doing, for people who wait. `attempt` counts from 1. */
export type KnockProgress =
  /** Every slot allowed now is used; the knock goes on by itself in `waitMs`. */
  | { readonly type: "waiting"; readonly waitMs: number }
  | { readonly type: "knocked"; readonly attempt: number; readonly target: Target }
  | { readonly type: "silent"; readonly attempt: number; readonly target: Target };

/** How a knock ended. */
export interface KnockOutcome {
  /** The port answered; the knock was sent and nobody waited; it was sent and the port stayed silent. */
  readonly state: "open" | "sent" | "silent";
  /** Where the last knock went: the address to connect to when open. */
  readonly target: Target;
  /** The TCP port waited for; absent when nobody waited. */
  readonly port?: number;
  /** Knocks sent, at least 1. */
  readonly attempts: number;
  /** From the first packet of the last knock to the answer, or to the end of the wait. */
  readonly elapsedMs: number;
  /** The connection that answered, paused; only when open and asked for. The caller owns it. */
  readonly socket?: Socket;
}

export interface AttemptPlan {
  readonly targets: readonly Target[];
  readonly tries: number;
  readonly gapMs: number;
  /** TCP port to wait for; undefined sends once and does not wait. */
  readonly waitPort: number | undefined;
  /** How long one try waits for the port. */
  readonly timeoutMs: number;
  readonly keepSocket: boolean;
  /** The knocks of the next try, in order; may take its time, and throw. */
  next(): Promise<readonly Port[]>;
}

/** Carries a plan out, each try on the next target in turn. */
export async function attemptKnocks(
  plan: AttemptPlan,
  network: Network,
  clock: Clock,
  report: (progress: KnockProgress) => void,
): Promise<KnockOutcome> {
  for (let attempt = 1; ; attempt++) {
    const target = plan.targets[(attempt - 1) % plan.targets.length]!;
    const knocks = await plan.next();
    const startMs = clock.monotonicMs();
    await network.sendKnocks(target, knocks, plan.gapMs);
    report({ type: "knocked", attempt, target });
    const ended = { target, attempts: attempt };
    if (plan.waitPort === undefined) {
      return { ...ended, state: "sent", elapsedMs: clock.monotonicMs() - startMs };
    }
    const socket = await network.awaitOpen(target, plan.waitPort, plan.timeoutMs);
    const elapsedMs = clock.monotonicMs() - startMs;
    if (socket !== undefined) {
      if (!plan.keepSocket) socket.destroy();
      const kept = plan.keepSocket ? { socket } : {};
      return { ...ended, state: "open", port: plan.waitPort, elapsedMs, ...kept };
    }
    report({ type: "silent", attempt, target });
    if (attempt >= plan.tries) {
      return { ...ended, state: "silent", port: plan.waitPort, elapsedMs };
    }
  }
}
