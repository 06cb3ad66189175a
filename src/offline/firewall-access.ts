/** The guard in the kernel, for commands that work without a daemon. */

import type { Address } from "../core/address.ts";
import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPortRange } from "../core/port.ts";
import { guardedNow } from "../firewall/guarded-ports.ts";
import { guardLoaded, removeGuard, showGuard } from "../firewall/guard.ts";
import { renderTable } from "../firewall/rule-set.ts";
import { guardPlan } from "../control-plane/configuration.ts";
import { effectiveCapabilities } from "../native/capabilities.ts";
import { listKernelGrants } from "../control-plane/guard/grant-audit.ts";
import { describeHolder, isGuarding } from "../control-plane/guard/guard-lock.ts";

/** libnftables would print the kernel's complaint to standard error, without a remedy. */
export function requireNetAdmin(operation: string): void {
  if (effectiveCapabilities().has("CAP_NET_ADMIN")) return;
  throw new SallyportError(
    `Cannot ${operation}: only root may ask the kernel for its rules: run it with sudo`,
    ExitCode.privilege,
  );
}

/** The table in the kernel as text. Throws SallyportError. */
export function showFirewall(): string {
  requireNetAdmin("show the guard");
  return guardLoaded()
    ? showGuard()
    : "# There is no table inet sallyport: nothing is guarded; sallyport serve loads it\n";
}

/** The state of the kernel where no daemon runs. */
export interface StandingGuard {
  /** "22/tcp"; empty where no port is guarded. */
  readonly guarded: readonly string[];
  /** Milliseconds until the last port is no longer guarded, where all of them end by themselves. */
  readonly endsInMs?: number;
  /** Grants that are still alive. */
  readonly grants: number;
}

/** 0.0.0.0/8, of which no packet comes: a daemon that was ended just after its start left warm-ups. */
function isThisNetwork({ family, a0 }: Address): boolean {
  return family === 4 && a0 >>> 24 === 0;
}

/**
 * Undefined where a daemon guards here after all; "unseen" where this user may not ask the kernel.
 * Throws OpError.
 */
export function standingGuard(): StandingGuard | "unseen" | undefined {
  const runs = isGuarding();
  if (runs !== "no") return runs === "unseen" ? runs : undefined;
  if (!guardLoaded()) return { guarded: [], grants: 0 };
  const ports = guardedNow();
  const ends = ports.map(({ leftMs = Infinity }) => leftMs);
  const endsInMs = Math.max(0, ...ends);
  return {
    guarded: ports.map(formatPortRange),
    ...(ports.length > 0 && endsInMs !== Infinity && { endsInMs }),
    grants: listKernelGrants().filter(({ address }) => !isThisNetwork(address)).length,
  };
}

/**
 * Returns whether there was a guard to remove. Throws while a daemon runs, which would put it back.
 */
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
 * The rule set that these settings would load. Where the other tables cannot be read (no root, no
 * library), "auto" is shown as the kernel's own answer, and a comment says so.
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
