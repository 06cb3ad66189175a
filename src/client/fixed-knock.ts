/** The fixed knock: the same ports every time, in order, as knockd and its client do. */

import type { Family } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { attemptKnocks } from "./attempts.ts";
import type { AttemptDeps, KnockOutcome } from "./attempts.ts";
import { KNOCK_DEFAULTS } from "./knock.ts";
import { systemKnockDeps } from "./knock-deps.ts";

export interface FixedKnock {
  /** A name or an address. */
  readonly host: string;
  /** At least one port; sent in this order. */
  readonly sequence: readonly Port[];
  /** Knock over this family only; the resolver's first one where undefined. */
  readonly family?: Family;
  /** Between two knocks. Default 5. */
  readonly gapMs?: number;
  /** TCP port to wait for; none, and one knock only, where undefined. */
  readonly waitPort?: number;
  /** Knocks at most while waiting. Default 3. */
  readonly tries?: number;
  /** How long each try waits for the port. Default 2000. */
  readonly timeoutMs?: number;
  /** Hand the connection that answered to the caller instead of closing it. Default false. */
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
  deps: AttemptDeps = systemKnockDeps(),
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
