/** The rotating knock: takes a slot, sends its ports, waits until the door answers, tries the next slot. */

import type { Family } from "../core/address.ts";
import { firstTcpPort } from "../rks/profile-link.ts";
import type { Profile } from "../rks/profile-link.ts";
import { sendingOrder } from "../rks/sending-order.ts";
import { sequencePorts } from "../rks/sequence.ts";
import { attemptKnocks } from "./attempts.ts";
import type { KnockOutcome, NextKnock } from "./attempts.ts";
import { systemKnockDeps } from "./knock-deps.ts";
import type { KnockDeps } from "./knock-deps.ts";
import { takeSlot } from "./take-slot.ts";
import type { Target } from "./targets.ts";

/** RKS1: each port is sent twice, so that one lost packet does not lose the knock. */
const COPIES = 2;

/** What one process keeps between its knocks with one profile. The caller owns it, `knock` writes it. */
export interface VainKnock {
  /** The latest slot of a knock that opened nothing; no knock with this memory waits for it again. */
  slot?: number;
}

export interface KnockOptions {
  /** Knock over this family only; undefined: over both in turn, the resolver's first one first. */
  readonly family?: Family;
  /** The most knocks, each in a slot of its own. Default 3. */
  readonly tries?: number;
  /** Milliseconds between two packets; they count against the server's window. Default 0. */
  readonly gapMs?: number;
  /** TCP port to wait for, or false for none. Default: the first one that the door opens. */
  readonly waitPort?: number | false;
  /** How long each try waits for the port, in milliseconds. Default 2000. */
  readonly timeoutMs?: number;
  /** Give the caller the open connection instead of closing it. Default false. */
  readonly keepSocket?: boolean;
  /**
   * When the port was last seen closed, as Unix time. With it the knock of another process of this user,
   * where one has just left, is waited for instead of using a slot of one's own; it counts as a try.
   */
  readonly closedMs?: number;
  /** Of earlier knocks of this process with the profile. Default: of none. */
  readonly vain?: VainKnock;
  /** Addresses of the profile's host where the caller has looked it up; at least one. */
  readonly targets?: readonly Target[];
  /** Where to wait for the port after a knock on a target. Default: there. */
  readonly waitAt?: (knockedAt: Target) => Target;
}

/**
 * How long the knock of another process is waited for, in timeouts of one's own: it claims its slot first,
 * and a busy computer may take a while until it sends.
 */
const SHARED_TIMEOUTS = 2;

export const KNOCK_DEFAULTS = { tries: 3, gapMs: 0, timeoutMs: 2_000 } as const;

/** How long the packets of one knock take to leave, in milliseconds. */
export function sendingMs(profile: Profile, gapMs: number): number {
  return (profile.ports * COPIES - 1) * gapMs;
}

/**
 * Knocks at a profile's door and returns how it ended, even when the port stays silent. Throws a
 * SallyportError where nothing could be sent (no such host, no route, no slot can be remembered, a
 * clock set back). A slot is claimed before its first packet leaves and is never used again.
 */
export async function knock(
  profile: Profile,
  options: KnockOptions = {},
  deps: KnockDeps = systemKnockDeps(),
): Promise<KnockOutcome> {
  const { waitPort = firstTcpPort(profile), timeoutMs = KNOCK_DEFAULTS.timeoutMs } = options;
  const { vain = {} } = options;
  let known = vain.slot;
  const next = (nowMs: number): NextKnock => {
    const { closedMs } = options;
    const withinMs = SHARED_TIMEOUTS * timeoutMs;
    const sharing = closedMs === undefined ? undefined : { withinMs, closedMs, known };
    const taken = takeSlot(profile, deps.slots, nowMs, sharing);
    if (taken.kind === "wait") return taken;
    known = taken.slot;
    if (taken.kind === "shared") return taken;
    const ports = sequencePorts(profile.key, profile.door, profile, taken.slot);
    const order = sendingOrder(ports, deps.random);
    return { kind: "send", knocks: order.map((port) => ({ proto: profile.proto, port })) };
  };
  const plan = {
    startedMs: deps.clock.monotonicMs(),
    targets: options.targets ?? (await deps.network.findTargets(profile.host, options.family)),
    ...(options.waitAt === undefined ? {} : { waitAt: options.waitAt }),
    tries: options.tries ?? KNOCK_DEFAULTS.tries,
    gapMs: options.gapMs ?? KNOCK_DEFAULTS.gapMs,
    waitPort: waitPort === false ? undefined : waitPort,
    timeoutMs,
    keepSocket: options.keepSocket ?? false,
    next,
  };
  let isVain = true;
  try {
    const outcome = await attemptKnocks(plan, deps);
    isVain = outcome.state === "silent" || outcome.state === "refused";
    return outcome;
  } finally {
    // Also of a knock that could not be sent.
    if (isVain && known !== undefined) vain.slot = Math.max(known, vain.slot ?? known);
  }
}
