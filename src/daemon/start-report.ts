/** What the log says of a start: what is guarded, where knocks are heard, and what was kept. */

import type { Settings } from "../config/settings.ts";
import { formatPortRange } from "../core/port.ts";
import { guardedPorts } from "./configuration.ts";

export interface StartFacts {
  readonly settings: Settings;
  /** Names of those that a capture is attached to. */
  readonly interfaces: readonly string[];
  /** Living sessions that the guard did not cut. */
  readonly adopted: number;
  /** Grants that the kernel held since before. */
  readonly restored: number;
  /** URL of the health listener, with a slash at its end. */
  readonly url: string;
}

export function startReport(facts: StartFacts): string[] {
  const { settings, interfaces, adopted, restored, url } = facts;
  const ports = guardedPorts(settings).map(formatPortRange).join(", ") || "no port";
  const kept = [
    ...(adopted > 0 ? [`${counted(adopted, "living session")} kept`] : []),
    ...(restored > 0 ? [`${counted(restored, "grant")} brought back`] : []),
  ];
  const tail = kept.length > 0 ? ` (${kept.join(", ")})` : "";
  return [
    `Guarding ${ports}, listening on ${interfaces.join(", ")}${tail}`,
    `Health at ${url}healthz, control at ${settings.api.socket}`,
  ];
}

/** "1 door", "2 doors". */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
