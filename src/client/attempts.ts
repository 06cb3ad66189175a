/**
 * Knock, wait until the port answers, knock again: the common part of rotating and fixed knocks.
 */

import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { awaitOpen } from "./await-open.ts";
import type { Awaited } from "./await-open.ts";
import { firstOpen } from "./first-open.ts";
import type { Connected } from "./first-open.ts";
import { probeBefore } from "./probe.ts";
import type { PortAnswer, Probe } from "./probe.ts";
import { sendKnocks } from "./send.ts";
import { findTargets } from "./targets.ts";
import type { Target } from "./targets.ts";

/** The network as a knock needs it; `systemNetwork` is the real one. */
export interface Network {
  /** Addresses to knock on, in the order to try them; at least one. */
  findTargets(host: string, family: Family | undefined): Promise<Target[]>;
  /** Connects to a port as it is, without a knock; undefined where no address answers soon. */
  firstOpen(
    targets: readonly Target[],
    port: number,
    patienceMs?: number,
  ): Promise<Connected | undefined>;
  /** Looks at a port before the knock; resolves when the knock may leave. */
  probeBefore(target: Target, port: number): Promise<Probe>;
  /** Sends the knocks in this order. */
  sendKnocks(target: Target, knocks: readonly Port[], gapMs: number): Promise<void>;
  /**
   * Waits for a connection within `timeoutMs`; the connection of a probe before the knock counts.
   */
  awaitOpen(target: Target, port: number, timeoutMs: number, before?: Probe): Promise<Awaited>;
}

export const systemNetwork: Network = {
  findTargets,
  firstOpen,
  probeBefore,
  sendKnocks,
  awaitOpen,
};

/** The progress of a knock, for people who wait. `attempt` counts from 1. */
export type KnockProgress =
  /**
   * Every slot allowed now is used, and the port does not answer. The knock continues by itself in
   * `waitMs`.
   */
  | { readonly type: "waiting"; readonly waitMs: number }
  /** Another process of this user has just knocked at this door: the port is waited for, and nothing sent. */
  | { readonly type: "shared"; readonly attempt: number }
  | { readonly type: "knocked"; readonly attempt: number; readonly target: Target }
  | { readonly type: "refused"; readonly attempt: number; readonly target: Target }
  | { readonly type: "silent"; readonly attempt: number; readonly target: Target };

/** How a knock ended. */
export interface KnockOutcome {
  /**
   * "open": the port answered. "sent": the knock was sent and nobody waited. "refused" and
   * "silent": it was sent, and the port refused a connection or stayed silent.
   */
  readonly state: "open" | "sent" | "refused" | "silent";
  /**
   * When open, the address to connect to; when refused, the address that answered; else the address
   * of the last knock.
   */
  readonly target: Target;
  /** The TCP port waited for; absent when nobody waited. */
  readonly port?: number;
  /** The answer of that port there before the first knock; absent when nobody waited. */
  readonly before?: PortAnswer;
  /** Knocks sent, those of other processes waited for among them; 0 where the port answered without any. */
  readonly attempts: number;
  /** From looking the host up to the end, including waits for slots. */
  readonly elapsedMs: number;
  /**
   * From the first packet of the last knock (without one, of the first probe) to the answer or the
   * end of the wait.
   */
  readonly sinceKnockMs: number;
  /** The connection that answered, paused; only when open and requested. The caller owns it. */
  readonly socket?: Socket;
}

/** The packets of the next knock, how long none may be sent, or how long that of another process is waited for. */
export type NextKnock =
  | { readonly kind: "send"; readonly knocks: readonly Port[] }
  | { readonly kind: "wait"; readonly waitMs: number }
  | { readonly kind: "shared"; readonly waitMs: number };

export interface AttemptPlan {
  /** When the attempts began, by the monotonic clock. */
  readonly startedMs: number;
  readonly targets: readonly Target[];
  /** Where to wait for the port after a knock on a target. Default: there. */
  readonly waitAt?: (knockedAt: Target) => Target;
  readonly tries: number;
  readonly gapMs: number;
  /** TCP port to wait for; undefined sends once and does not wait. */
  readonly waitPort: number | undefined;
  /** How long each try waits for the port, in milliseconds. */
  readonly timeoutMs: number;
  readonly keepSocket: boolean;
  /** Called before each try, and again after each wait; `nowMs` is Unix time. May throw. */
  next(nowMs: number): NextKnock;
}

/** The surroundings of the attempts. */
export interface AttemptDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly sleep: (ms: number) => Promise<void>;
  readonly report: (progress: KnockProgress) => void;
}

/** The longest single sleep: the clock may be set meanwhile, or another knock may take the slot. */
const SLEEP_MS = 1_000;

/** What comes next: a connection that stands already, or an attempt. */
type Next =
  | { readonly kind: "open"; readonly socket: Socket }
  | Exclude<NextKnock, { readonly kind: "wait" }>;

/** The next step. Undefined where it would have to wait and `patient` is false. */
async function nextAttempt(
  plan: AttemptPlan,
  waitAt: Target,
  patient: boolean,
  { clock, network, sleep, report }: AttemptDeps,
): Promise<Next | undefined> {
  let probed = plan.waitPort === undefined;
  let reported = false;
  for (;;) {
    const next = plan.next(clock.wallMs());
    if (next.kind !== "wait") return next;
    if (!patient) return undefined;
    if (!probed) {
      // Slots run out when somebody connects often; the door of the last knock is then still open.
      const probeMs = Math.min(next.waitMs, plan.timeoutMs);
      const { socket } = await network.awaitOpen(waitAt, plan.waitPort!, probeMs);
      if (socket !== undefined) return { kind: "open", socket };
      probed = true;
      continue;
    }
    if (!reported) report({ type: "waiting", waitMs: next.waitMs });
    reported = true;
    await sleep(Math.min(next.waitMs, SLEEP_MS));
  }
}

/** The answers of one address: before its first knock, and after its last. */
interface Seen {
  readonly target: Target;
  readonly before: PortAnswer;
  readonly after: PortAnswer;
}

/**
 * A guarded port answers alike whether a knock was believed or not: an answer that changed tells
 * more.
 */
function changed({ before, after }: Seen): boolean {
  return before === "silent" && after === "refused";
}

/** The address that tells the most. */
function mostTelling(seen: readonly Seen[]): Seen {
  return seen.find(changed) ?? seen.findLast(({ after }) => after === "refused") ?? seen.at(-1)!;
}

/** An attempt under way. */
interface Begun {
  /** When, by the monotonic clock. */
  readonly atMs: number;
  /** How long to wait for the port. */
  readonly waitMs: number;
  /** Of the port before the knock; absent where nobody waits, or another process knocked. */
  readonly probe?: Probe;
}

/** Sends a knock, or notes that another process did. */
async function begin(
  plan: AttemptPlan,
  next: Exclude<Next, { readonly kind: "open" }>,
  at: { readonly knockAt: Target; readonly target: Target; readonly attempt: number },
  { clock, network, report }: AttemptDeps,
): Promise<Begun> {
  const { attempt } = at;
  if (next.kind === "shared") {
    report({ type: "shared", attempt });
    return { atMs: clock.monotonicMs(), waitMs: next.waitMs };
  }
  const { waitPort } = plan;
  const probe = waitPort === undefined ? undefined : await network.probeBefore(at.target, waitPort);
  const atMs = clock.monotonicMs();
  try {
    await network.sendKnocks(at.knockAt, next.knocks, plan.gapMs);
  } catch (error) {
    probe?.end();
    throw error;
  }
  report({ type: "knocked", attempt, target: at.knockAt });
  return { atMs, waitMs: plan.timeoutMs, ...(probe === undefined ? {} : { probe }) };
}

/** Carries out a plan, each try on the next target in turn. */
export async function attemptKnocks(plan: AttemptPlan, deps: AttemptDeps): Promise<KnockOutcome> {
  const { clock, network, report } = deps;
  const { waitPort: port, startedMs } = plan;
  const seen = new Map<string, Seen>();
  let knockedMs = clock.monotonicMs();
  const times = () => {
    const nowMs = clock.monotonicMs();
    return { elapsedMs: nowMs - startedMs, sinceKnockMs: nowMs - knockedMs };
  };
  const opened = (
    socket: Socket,
    facts: Pick<KnockOutcome, "target" | "attempts" | "before">,
  ): KnockOutcome => {
    if (!plan.keepSocket) socket.destroy();
    const kept = plan.keepSocket ? { socket } : {};
    return { state: "open", port: port!, ...facts, ...times(), ...kept };
  };
  const failed = (attempts: number): KnockOutcome => {
    const { target, before, after } = mostTelling([...seen.values()]);
    const state = after === "refused" ? after : "silent";
    return { state, target, port: port!, before, attempts, ...times() };
  };
  for (let attempt = 1; ; attempt++) {
    const knockAt = plan.targets[(attempt - 1) % plan.targets.length]!;
    const target = plan.waitAt?.(knockAt) ?? knockAt;
    const known = seen.get(target.address);
    const patient = ![...seen.values()].some(changed);
    const next = await nextAttempt(plan, target, patient, deps);
    if (next === undefined) return failed(attempt - 1);
    if (next.kind === "open") {
      return opened(next.socket, {
        target,
        attempts: attempt - 1,
        before: known?.before ?? "open",
      });
    }
    const began = await begin(plan, next, { knockAt, target, attempt }, deps);
    knockedMs = began.atMs;
    if (port === undefined) {
      return { state: "sent", target: knockAt, attempts: attempt, ...times() };
    }
    const { socket, answer } = await network.awaitOpen(target, port, began.waitMs, began.probe);
    // What the port did before another's knock is unknown: taken to be what it does now, it tells nothing.
    const unknown = socket === undefined ? answer : "silent";
    const before = known?.before ?? began.probe?.answer ?? unknown;
    if (socket !== undefined) return opened(socket, { target, attempts: attempt, before });
    seen.set(target.address, { target, before, after: answer });
    report({ type: answer === "refused" ? answer : "silent", attempt, target });
    if (attempt >= plan.tries) return failed(attempt);
  }
}
