/** The fixed knock: the same ports every time, in order, as knockd and its client do. */

import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { attemptKnocks } from "./attempts.ts";
import type { AttemptDeps, KnockOutcome } from "./attempts.ts";
import { KNOCK_DEFAULTS } from "./knock.ts";
import { systemAttemptDeps } from "./knock-deps.ts";

export interface FixedKnock {
  /** A name or an address. */
  readonly host: string;
  /** At least one port; sent in this order. */
  readonly sequence: readonly Port[];
  /** Knock over this family only; undefined: over the resolver's first one. */
  readonly family?: Family;
  /** Milliseconds between two knocks. Default 5. */
  readonly gapMs?: number;
  /** TCP port to wait for; undefined: wait for none and knock once. */
  readonly waitPort?: number;
  /** The most knocks while waiting. Default 3. */
  readonly tries?: number;
  /** How long each try waits for the port, in milliseconds. Default 2000. */
  readonly timeoutMs?: number;
  /** Give the caller the open connection instead of closing it. Default false. */
  readonly keepSocket?: boolean;
}

/**
 * Each knock leaves before the next begins, but the network may still reorder them: network cards
 * spread connections over queues that are served up to about a millisecond apart.
 */
export const FIXED_GAP_MS = 5;

/** Sends a fixed sequence. Throws a SallyportError where nothing could be sent. */
export async function knockFixed(
  fixed: FixedKnock,
  deps: AttemptDeps = systemAttemptDeps(),
): Promise<KnockOutcome> {
  return attemptKnocks(
    {
      startedMs: deps.clock.monotonicMs(),
      targets: await deps.network.findTargets(fixed.host, fixed.family),
      tries: fixed.tries ?? KNOCK_DEFAULTS.tries,
      gapMs: fixed.gapMs ?? FIXED_GAP_MS,
      waitPort: fixed.waitPort,
      timeoutMs: fixed.timeoutMs ?? KNOCK_DEFAULTS.timeoutMs,
      keepSocket: fixed.keepSocket ?? false,
      next: () => ({ kind: "send", knocks: fixed.sequence }),
    },
    deps,
  );
}
