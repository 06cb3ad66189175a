/** The guard in the kernel, for commands that work without a daemon. */

import type { Settings } from "../config/settings.ts";
import { guardLoaded, removeGuard, showGuard } from "../firewall/guard.ts";
import { renderTable } from "../firewall/rule-set.ts";
import { guardPlan } from "./configuration.ts";

export function showFirewall(): string {
  return guardLoaded()
    ? showGuard()
    : "# There is no table inet sallyport: nothing is guarded; sallyport serve loads it\n";
}

/** Answers whether there was a guard to remove. */
export function removeFirewall(): boolean {
  if (!guardLoaded()) return false;
  removeGuard();
  return true;
}

/** The rule set these settings would load. */
export function renderGuard(settings: Settings): string {
  return renderTable(guardPlan(settings));
}
