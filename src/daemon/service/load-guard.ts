/** `sallyport firewall load`: the guard of a configuration, loaded once and without a daemon. */

import { loadSettings } from "../../config/load.ts";
import { formatPortRange } from "../../core/port.ts";
import { loadGuard } from "../../firewall/guard.ts";
import { adoptSessions } from "../../firewall/sessions.ts";
import { guardedPorts, guardPlan } from "../configuration.ts";

/**
 * Needs CAP_NET_ADMIN and the configuration, not the keys. Living sessions, grants and uses stay, so
 * a daemon that runs is not disturbed. Answers the guarded ports as text. Throws SallyportError.
 */
export function loadGuardOnce(file: string): string[] {
  const settings = loadSettings(file);
  const guarded = guardedPorts(settings);
  adoptSessions(guarded);
  loadGuard(guardPlan(settings));
  return guarded.map(formatPortRange);
}
