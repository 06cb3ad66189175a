/** `sallyport serve`: one daemon from its configuration to the signal that ends it. */

import { systemClock } from "../core/clock.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import { keepDescriptorsSelectable } from "../native/descriptor-limit.ts";
import { Daemon } from "./daemon.ts";
import { claimGuard, describeHolder } from "./guard-lock.ts";
import { Guardian } from "./guardian.ts";
import { readOrFallBack } from "./last-config.ts";
import { log, startLog } from "./log.ts";
import { requirePrivilege } from "./privilege.ts";
import { openNotifier } from "./service/notify.ts";
import { ServiceManager } from "./service/service-manager.ts";

/** Guards until SIGTERM or SIGINT, on probation at first with `armMs`; throws SallyportError when it cannot start or cannot go on. */
export async function serve(file: string, armMs?: number): Promise<void> {
  const configuration = readOrFallBack(file, somebodyIsKeptOut);
  requirePrivilege();
  keepDescriptorsSelectable();
  using lock = claimGuard();
  if (lock === undefined) {
    throw new SallyportError(
      `Cannot start: another sallyport guards this machine already${describeHolder()}: ` +
        "stop that one first, or ask it with sallyport status",
    );
  }
  await startLog();
  const manager = new ServiceManager(openNotifier(notifyEnvironment(), process.pid), log);
  const daemon = new Daemon(file, configuration, systemClock, {
    armMs,
    entered: (summary) => manager.status(summary),
  });
  const ended = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => ended.resolve(signal));
  }
  process.on("SIGHUP", () => void reloadOnSignal(daemon, manager));
  await daemon.start();
  manager.ready(daemon.summary, () => daemon.answers());
  const reason = await Promise.race([ended.promise, daemon.died]);
  manager.stopping();
  if (reason instanceof SallyportError) {
    await daemon.stop("keep", `the data plane ended: ${reason.message}`);
    throw new SallyportError(
      `The data plane ended: ${reason.message}: the guard stays up, start sallyport again`,
      reason.exitCode,
    );
  }
  await daemon.stop("obey", reason);
  log("info", `Stopped by ${reason}`);
}

/**
 * A service that does not start, or a guard that stands without a daemon, keeps everybody out. A first
 * start by hand does neither, and whoever makes it wants to hear of the mistake.
 */
function somebodyIsKeptOut(): boolean {
  if (process.env["NOTIFY_SOCKET"] !== undefined) return true;
  requirePrivilege();
  return Guardian.stands();
}

/** The service manager hears of the end of a reload in either case: the daemon goes on. */
async function reloadOnSignal(daemon: Daemon, manager: ServiceManager): Promise<void> {
  manager.reloading();
  try {
    await daemon.reload();
    manager.reloaded(daemon.summary);
  } catch (error) {
    log("error", `Reload refused, the old configuration stays in force: ${messageOf(error)}`);
    manager.reloaded(`${daemon.summary}, the last reload was refused`);
  }
}

/** The three variables that systemd sets, by name: a whole environment would type-check as none of them. */
function notifyEnvironment() {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  return { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID };
}
