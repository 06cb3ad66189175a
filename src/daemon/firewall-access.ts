/** The guard in the kernel, for commands that work without a daemon. */

import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { guardLoaded, removeGuard, showGuard } from "../firewall/guard.ts";
import { renderTable } from "../firewall/rule-set.ts";
import { guardPlan } from "./configuration.ts";
import { effectiveCapabilities } from "../native/capabilities.ts";
import { describeHolder, isGuarding } from "./guard-lock.ts";

/** libnftables would write a complaint of the kernel's to standard error, and nothing of what to do. */
export function requireNetAdmin(operation: string): void {
  if (effectiveCapabilities().has("CAP_NET_ADMIN")) return;
  throw new SallyportError(
    `Cannot ${operation}: only root may ask the kernel for its rules: run it with sudo`,
    ExitCode.privilege,
  );
}

/** The table as the kernel has it. Throws SallyportError. */
export function showFirewall(): string {
  requireNetAdmin("show the guard");
  return guardLoaded()
    ? showGuard()
    : "# There is no table inet sallyport: nothing is guarded; sallyport serve loads it\n";
}

/** Returns whether there was a guard to remove; throws while a daemon runs, which would put it back. */
export function removeFirewall(): boolean {
  requireNetAdmin("remove the guard");
  if (isGuarding() === "yes") {
    throw new SallyportError(
      `Cannot remove the guard: a sallyport daemon${describeHolder()} runs and would put it back at once: ` +
        "stop the daemon first (systemctl stop sallyport)",
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
