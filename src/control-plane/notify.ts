/** Tells the service manager how the daemon fares (sd_notify(3)); without one, nothing is told. */

import { sendUnixDatagram } from "../native/unix-datagram.ts";

/**
 * The signal by which the watchdog ends a daemon that hangs. The daemon says so then; the usual SIGABRT makes
 * the runtime report a crash of its own.
 */
export const WATCHDOG_SIGNAL = "SIGQUIT";

/** The messages of a service of `Type=notify`. Every call throws OpError when the manager cannot be told. */
export interface Notifier {
  /** How often the manager wants to hear `watchdog()`, or it kills the service; say it twice as often. */
  readonly watchdogMs?: number;
  /** The guard is up and knocks are heard. Also ends a reload. */
  ready(status: string): void;
  /** A new configuration is being read; `ready` follows, whether it was taken or refused. */
  reloading(): void;
  stopping(): void;
  /** The data plane replied just now. */
  watchdog(): void;
  /** One line that `systemctl status` shows; no secret, anybody may read it. */
  status(sentence: string): void;
}

/** The environment variables that systemd sets (sd_notify(3), sd_watchdog_enabled(3)). */
export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  /** Microseconds. */
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** Undefined when no manager listens, or when its variable names no unix socket. */
export function openNotifier(
  environment: NotifyEnvironment,
  pid: number,
  send: (address: string, text: string) => void = sendUnixDatagram,
): Notifier | undefined {
  const { NOTIFY_SOCKET: address = "" } = environment;
  if (!/^[/@]./.test(address)) return undefined;
  const tell = (...lines: readonly string[]) => send(address, lines.join("\n"));
  const watchdogMs = watchdogTime(environment, pid);
  return {
    ...(watchdogMs !== undefined && { watchdogMs }),
    ready: (status) => tell("READY=1", statusLine(status)),
    reloading: () => tell("RELOADING=1"),
    stopping: () => tell("STOPPING=1"),
    watchdog: () => tell("WATCHDOG=1"),
    status: (sentence) => tell(statusLine(sentence)),
  };
}

/** A line break would begin an assignment of its own. */
function statusLine(sentence: string): string {
  return `STATUS=${sentence.replaceAll(/\s+/g, " ")}`;
}

function watchdogTime(
  { WATCHDOG_USEC = "", WATCHDOG_PID }: NotifyEnvironment,
  pid: number,
): number | undefined {
  if (!/^[1-9]\d{0,15}$/.test(WATCHDOG_USEC)) return undefined;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return undefined;
  return Number(WATCHDOG_USEC) / 1_000;
}
