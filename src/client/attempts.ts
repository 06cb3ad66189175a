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
  /** Every slot allowed now is used, and the port does not answer; the knock goes on by itself in `waitMs`. */
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
  /** Knocks sent; 0 where the port answered while the knock had to wait for a slot. */
  readonly attempts: number;
  /** From the first packet of the last knock (of the first probe, without one) to the answer or to giving up. */
  readonly elapsedMs: number;
  /** The connection that answered, paused; only when open and asked for. The caller owns it. */
  readonly socket?: Socket;
}

/** The packets of the next knock, or how long none may be sent. */
export type NextKnock =
  | { readonly kind: "send"; readonly knocks: readonly Port[] }
  | { readonly kind: "wait"; readonly waitMs: number };

export interface AttemptPlan {
  readonly targets: readonly Target[];
  readonly tries: number;
  readonly gapMs: number;
  /** TCP port to wait for; undefined sends once and does not wait. */
  readonly waitPort: number | undefined;
  /** How long one try waits for the port. */
  readonly timeoutMs: number;
  readonly keepSocket: boolean;
  /** Asked before each try, and again after each wait; `nowMs` is Unix time. May throw. */
  next(nowMs: number): NextKnock;
}

/** What the attempts stand on. */
export interface AttemptDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly sleep: (ms: number) => Promise<void>;
  readonly report: (progress: KnockProgress) => void;
}

/** The longest sleep at a time: the clock may be set meanwhile, and another knock may take the slot. */
const SLEEP_MS = 1_000;

/** A connection that stands, or the knocks to send. */
async function nextKnocks(
  plan: AttemptPlan,
  target: Target,
  { clock, network, sleep, report }: AttemptDeps,
): Promise<Socket | readonly Port[]> {
  let probed = plan.waitPort === undefined;
  let reported = false;
  for (;;) {
    const next = plan.next(clock.wallMs());
    if (next.kind === "send") return next.knocks;
    if (!probed) {
      // Slots run out when somebody connects often: then the door of the last knock is still open.
      const probeMs = Math.min(next.waitMs, plan.timeoutMs);
      const socket = await network.awaitOpen(target, plan.waitPort!, probeMs);
      if (socket !== undefined) return socket;
      probed = true;
      continue;
    }
    if (!reported) report({ type: "waiting", waitMs: next.waitMs });
    reported = true;
    await sleep(Math.min(next.waitMs, SLEEP_MS));
  }
}

/** Carries a plan out, each try on the next target in turn. */
export async function attemptKnocks(plan: AttemptPlan, deps: AttemptDeps): Promise<KnockOutcome> {
  const { clock, network, report } = deps;
  const { waitPort, timeoutMs } = plan;
  for (let attempt = 1; ; attempt++) {
    const target = plan.targets[(attempt - 1) % plan.targets.length]!;
    let startMs = clock.monotonicMs();
    const since = () => clock.monotonicMs() - startMs;
    const opened = (socket: Socket, attempts: number): KnockOutcome => {
      if (!plan.keepSocket) socket.destroy();
      const kept = plan.keepSocket ? { socket } : {};
      return { state: "open", target, port: waitPort!, attempts, elapsedMs: since(), ...kept };
    };
    const knocks = await nextKnocks(plan, target, deps);
    if ("destroy" in knocks) return opened(knocks, attempt - 1);
    startMs = clock.monotonicMs();
    await network.sendKnocks(target, knocks, plan.gapMs);
    report({ type: "knocked", attempt, target });
    if (waitPort === undefined) {
      return { state: "sent", target, attempts: attempt, elapsedMs: since() };
    }
    const socket = await network.awaitOpen(target, waitPort, timeoutMs);
    if (socket !== undefined) return opened(socket, attempt);
    report({ type: "silent", attempt, target });
    if (attempt >= plan.tries) {
      return { state: "silent", target, port: waitPort, attempts: attempt, elapsedMs: since() };
    }
  }
}
