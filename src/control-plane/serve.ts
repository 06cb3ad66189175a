/** `sallyport serve`: one daemon from its configuration to the signal that ends it. */

import { type StandingConfig, standingConfig } from "../config/find.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { shortageRemedy } from "../core/system-error.ts";
import { hasFreeDescriptors, keepDescriptorsSelectable } from "../native/descriptor-limit.ts";
import { exitAtOnce, exitIn } from "../native/exit.ts";
import type { Configuration } from "./configuration.ts";
import { Daemon } from "./daemon.ts";
import { claimGuard, describeHolder } from "./guard/guard-lock.ts";
import { GuardLoader } from "./guard/guard-loader.ts";
import { readOrFallBack } from "./last-config.ts";
import { flushLog, log, startLog, tellEnd } from "./log.ts";
import { requirePrivilege } from "./privilege.ts";
import { openNotifier, WATCHDOG_SIGNAL } from "./notify.ts";
import { ServiceManager } from "./service-manager.ts";

/**
 * A stop takes no longer: then the kernel ends the process, even if a disk hangs. It is far more
 * than a stop needs, since one that is cut off costs each door a wait at the next boot.
 */
const STOP_S = 10;

/** More than a start opens. What fails for want of one later is tried again, but the engine ends where its threads cannot start. */
const DESCRIPTORS = 64;

/** How long the end of the log may take. */
const FLUSH_MS = 250;

/**
 * Guards until SIGTERM or SIGINT, on probation at first with `armMs`; ends the process afterwards.
 * `named`: the file of --config, where there is one.
 * Throws SallyportError where it cannot begin.
 */
export async function serve(named: string | undefined, armMs?: number): Promise<void> {
  requireDescriptors();
  const config = standingConfig(named, !isService());
  const configuration = readOrFallBack(config.file, somebodyIsKeptOut, config.requireTrust);
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
  const code = await guardUntilStopped(config, configuration, armMs);
  flushLog(FLUSH_MS);
  // Ends the process even if something still waits: commands, a reader of the log, the runtime
  // itself.
  exitAtOnce(code);
}

function requireDescriptors(): void {
  if (hasFreeDescriptors(DESCRIPTORS)) return;
  throw new SallyportError(
    `Cannot start: fewer than ${DESCRIPTORS} more files can be opened: ${shortageRemedy("EMFILE")}, ` +
      "or end the program that holds all those of this machine",
  );
}

/** The whole run of a daemon, reported in the log. Returns the exit code. */
async function guardUntilStopped(
  config: StandingConfig,
  configuration: Configuration,
  armMs: number | undefined,
): Promise<ExitCode> {
  const manager = new ServiceManager(openNotifier(notifyEnvironment(), process.pid), log);
  const daemon = new Daemon(config, configuration, systemClock, {
    armMs,
    entered: (summary) => manager.status(summary),
    mayStandIn: somebodyIsKeptOut(),
  });
  const ended = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => ended.resolve(signal));
  }
  process.on("SIGHUP", () => void reloadOnSignal(daemon, manager));
  if (manager.watched) process.on(WATCHDOG_SIGNAL, endByWatchdog);
  try {
    await daemon.start();
  } catch (error) {
    return endWith(error);
  }
  manager.ready(daemon.summary, () => daemon.answers());
  const reason = await Promise.race([ended.promise, daemon.died]);
  exitIn(STOP_S);
  manager.stopping();
  if (typeof reason !== "string") {
    const { clause, exitCode } = reason;
    await daemon.stop("keep", clause);
    const sentence = `${clause[0]!.toUpperCase()}${clause.slice(1)}`;
    return endWith(
      new SallyportError(`${sentence}: the guard stays up, start sallyport again`, exitCode),
    );
  }
  await daemon.stop("obey", reason);
  log("info", `Stopped by ${reason}`);
  return ExitCode.ok;
}

/**
 * The service manager has not heard of the data plane for too long: it hangs, and cannot be asked
 * to stop.
 */
function endByWatchdog(): void {
  tellEnd(
    "The thread that hears knocks does not answer any more: ended by the watchdog of the service manager, which starts it again: the guard stays up meanwhile",
  );
  flushLog(FLUSH_MS);
  exitAtOnce(ExitCode.failure);
}

/**
 * Reports the reason of the end. Anything but a SallyportError is a bug, and ends the process as
 * one.
 */
function endWith(error: unknown): ExitCode {
  if (!(error instanceof SallyportError)) throw error;
  tellEnd(error.message);
  return error.exitCode;
}

function isService(): boolean {
  return process.env["NOTIFY_SOCKET"] !== undefined;
}

/**
 * A service that does not start, or a guard without a daemon, keeps everybody out. A first start by
 * hand does neither, and its caller wants to see the mistake.
 */
function somebodyIsKeptOut(): boolean {
  if (isService()) return true;
  requirePrivilege();
  return GuardLoader.stands();
}

/** The service manager is told of the end of a reload in either case: the daemon goes on. */
async function reloadOnSignal(daemon: Daemon, manager: ServiceManager): Promise<void> {
  manager.reloading();
  // A signal is what is left to an administrator whose socket is gone, also if the files are refused.
  void daemon.listen();
  try {
    await daemon.control.reload({});
    manager.reloaded(daemon.summary);
  } catch (error) {
    log("error", `Reload refused, the old configuration stays in force: ${messageOf(error)}`);
    manager.reloaded(`${daemon.summary}, the last reload was refused`);
  }
}

/**
 * The three variables that systemd sets, by name: a whole environment would pass the type check
 * with none of them.
 */
function notifyEnvironment() {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  return { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID };
}
