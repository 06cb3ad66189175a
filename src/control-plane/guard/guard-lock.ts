/** One guard per network namespace, because there is one table there. */

import { effectiveCapabilities } from "../../native/capabilities.ts";
import { listeningPathsOf } from "../../native/listening-paths.ts";
import { holderOfLogGroup } from "../../native/netlink/group-holder.ts";
import { claimLogGroup, type GroupClaim, logGroupState } from "../../native/netlink/log-group.ts";

/** A group of nflog that no rule of ours logs to; others choose small numbers. */
export const GUARD_GROUP = 0x5a11;

/** Whether a daemon guards here; "unseen" to a process that may not ask the kernel. */
export type Guarding = "yes" | "no" | "unseen";

/**
 * Undefined when a daemon of any user guards this network namespace. Needs CAP_NET_ADMIN. Throws
 * OpError.
 */
export function claimGuard(): GroupClaim | undefined {
  return claimLogGroup(GUARD_GROUP);
}

/**
 * Whether the kernel supports the lock: without it no daemon starts. Needs CAP_NET_ADMIN. Throws
 * OpError.
 */
export function knowsLock(): boolean {
  return logGroupState(GUARD_GROUP) !== "unknown";
}

/** Whether a daemon of any user guards this network namespace. Throws OpError. */
export function isGuarding(): Guarding {
  if (!effectiveCapabilities().has("CAP_NET_ADMIN")) return "unseen";
  return logGroupState(GUARD_GROUP) === "held" ? "yes" : "no";
}

/** " (process 1234)" where the holder is visible, for the middle of a sentence. */
export function describeHolder(): string {
  const pid = holderOfLogGroup(GUARD_GROUP);
  return pid === undefined ? "" : ` (process ${pid})`;
}

/** The command that makes the daemon that guards here read its files where it hears no other. */
export function hangUpCommand(): string {
  const pid = holderOfLogGroup(GUARD_GROUP);
  return pid === undefined ? "systemctl kill -s HUP sallyport" : `kill -HUP ${pid}`;
}

/**
 * The control socket of the daemon that guards this network namespace, even if its configuration
 * names another one by now. Undefined where none runs or the caller may not see it. Asks only the
 * kernel: no file is trusted.
 */
export function socketOfGuard(): string | undefined {
  const pid = holderOfLogGroup(GUARD_GROUP);
  return pid === undefined ? undefined : listeningPathsOf(pid)[0];
}
