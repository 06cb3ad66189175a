/** The line of the log about a stop: the ports that stay shut, for how long, and how to open them. */

import type { Settings } from "../config/settings.ts";
import { formatDuration } from "../core/duration.ts";
import { formatPortRange } from "../core/port.ts";
import { guardedPorts } from "../config/guarded-ports.ts";
import type { GuardState } from "./guard/guard-loader.ts";

export interface StopFacts {
  readonly settings: Settings;
  readonly state: GuardState;
  /** Milliseconds left of a probation. */
  readonly leftMs?: number;
}

/** The duration in whole seconds. */
function about(ms: number): string {
  return formatDuration(Math.ceil(ms / 1_000) * 1_000);
}

/**
 * How long the kernel continues to guard; undefined where doors have different times, or some have
 * none.
 */
function guardsForMs({ settings, leftMs = Infinity }: StopFacts): number {
  const times = settings.doors
    .filter(({ opens }) => opens.length > 0)
    .map(({ openAfterMs = Infinity }) => Math.min(openAfterMs, leftMs));
  return Math.max(0, ...times);
}

/** One sentence; undefined where no port was guarded. */
export function stopReport(facts: StopFacts): string | undefined {
  const { settings, state } = facts;
  const ports = [...new Set(guardedPorts(settings).map(formatPortRange))];
  if (ports.length === 0 || state === "lapsed") return undefined;
  if (settings.guard.onStop === "open") {
    return "The guard is removed, as guard.on_stop says: the ports are open to everybody";
  }
  const forMs = guardsForMs(facts);
  const stays = forMs === Infinity ? "" : ` for at most ${about(forMs)}`;
  return `${ports.join(", ")} ${ports.length === 1 ? "stays" : "stay"} closed${stays}, and no knock opens: start sallyport again, or run "sallyport firewall remove", which lets everybody in`;
}
