/** The lines of the log about a start: the guarded ports, the interfaces, and the grants and sessions that were kept. */

import type { Settings } from "../config/settings.ts";
import { formatPortRange } from "../core/port.ts";
import { guardedPorts } from "../config/guarded-ports.ts";
import type { GuardState } from "./guard/guard-loader.ts";

export interface StartFacts {
  readonly settings: Settings;
  readonly state: GuardState;
  /** The names of the interfaces with a capture. */
  readonly interfaces: readonly string[];
  /** Living sessions that the guard did not cut. */
  readonly adopted: number;
  /** Grants that the kernel already held. */
  readonly restored: number;
  /**
   * The URL of the health listener, with a slash at its end, and the path of the control socket,
   * where they listen.
   */
  readonly places: { readonly health?: string; readonly control?: string };
}

export function startReport(facts: StartFacts): string[] {
  const { settings, state, interfaces, adopted, restored, places } = facts;
  const listed = [...new Set(guardedPorts(settings).map(formatPortRange))].join(", ");
  const ports = state === "lapsed" || listed === "" ? "no port" : listed;
  const kept = [
    ...(adopted > 0 ? [`${counted(adopted, "living session")} kept`] : []),
    ...(restored > 0 ? [`${counted(restored, "grant")} brought back`] : []),
  ];
  const { health, control } = places;
  const listeners = [
    ...(health === undefined ? [] : [`Health at ${health}healthz`]),
    ...(control === undefined ? [] : [`${health === undefined ? "C" : "c"}ontrol at ${control}`]),
  ];
  const tail = kept.length > 0 ? ` (${kept.join(", ")})` : "";
  return [
    `Guarding ${ports}, listening on ${interfaces.join(", ")}${tail}`,
    ...(listeners.length > 0 ? [listeners.join(", ")] : []),
  ];
}

/** The warning about close commands of another owner of the state folder; undefined where there are none. */
export function describeLeftOwed(count: number, stateDir: string): string | undefined {
  if (count === 0) return undefined;
  const which = count === 1 ? "is not run" : "are not run";
  return `${counted(count, "close command")} owed in ${stateDir} ${which}: another user owns that folder, and could have any program run as this one: start the daemon as its owner`;
}

/** "1 door", "2 doors". */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
