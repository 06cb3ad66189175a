/**
 * Reports the daemon's state to the service manager (sd_notify(3)); without one, it reports
 * nothing.
 */

import { sendUnixDatagram } from "../native/unix-datagram.ts";

/**
 * The signal with which the watchdog ends a hanging daemon. The daemon then says so; the usual
 * SIGABRT makes the runtime report a crash of its own.
 */
export const WATCHDOG_SIGNAL = "SIGQUIT";

/**
 * The messages of a service with `Type=notify`. Every call throws OpError when the manager cannot
 * be reached.
 */
export interface Notifier {
  /**
   * How often the manager expects `watchdog()`, or it kills the service; call it twice as often.
   */
  readonly watchdogMs?: number;
  /** The guard is loaded and knocks are heard. Also ends a reload. */
  ready(status: string): void;
  /** A new configuration is being read; `ready` follows, whether it was taken or refused. */
  reloading(): void;
  stopping(): void;
  /** The data plane replied just now. */
  watchdog(): void;
  /** One line that `systemctl status` shows. It must hold no secret, since anybody may read it. */
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

/** A line break would begin another assignment. */
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
