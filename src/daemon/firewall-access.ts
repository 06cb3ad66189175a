/** The guard in the kernel, for commands that work without a daemon. */

import type { Settings } from "../config/settings.ts";
import { SallyportError } from "../core/errors.ts";
import { guardLoaded, removeGuard, showGuard } from "../firewall/guard.ts";
import { renderTable } from "../firewall/rule-set.ts";
import { guardPlan } from "./configuration.ts";
import { isGuarding } from "./guard-lock.ts";

export function showFirewall(): string {
  return guardLoaded()
    ? showGuard()
    : "# There is no table inet sallyport: nothing is guarded; sallyport serve loads it\n";
}

/** Answers whether there was a guard to remove; throws while a daemon runs, which would put it back. */
export function removeFirewall(): boolean {
  if (isGuarding()) {
    throw new SallyportError(
      "Cannot remove the guard: a sallyport daemon runs and would put it back at once: stop the daemon first",
    );
  }
  if (!guardLoaded()) return false;
  removeGuard();
  return true;
}

/**
 * The rule set these settings would load. Where the other tables cannot be read (no root, no library),
 * "auto" is shown as the kernel's own answer, and a comment says so.
 */
export function renderGuard(settings: Settings): string {
  try {
    return renderTable(guardPlan(settings));
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const guard = { ...settings.guard, deny: "reset" as const };
    return `# guard.deny = "auto" is shown as "reset": ${error.message}\n${renderTable(guardPlan({ ...settings, guard }))}`;
  }
}
