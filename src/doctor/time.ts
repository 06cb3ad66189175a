/** Check: a time service keeps the clock right; rotating knocks are judged by it. */

import { existsSync } from "node:fs";
import type { Settings } from "../config/settings.ts";
import { formatDuration } from "../core/duration.ts";
import { type ClockStatus, clockStatus } from "../native/clock-status.ts";
import { type Findings, ok, warning } from "../core/finding.ts";

export interface TimeFacts {
  /** The kernel's account, set by the program that steers the clock. */
  readonly kernel: ClockStatus;
  /** systemd-timesyncd has heard from a server. */
  readonly timesync: boolean;
  /** A running daemon that steers clocks: "chronyd". */
  readonly daemon?: string;
}

const DAEMONS: readonly (readonly [name: string, file: string])[] = [
  ["chronyd", "/run/chrony/chronyd.pid"],
  ["chronyd", "/run/chronyd.pid"],
  ["ntpd", "/run/ntpd.pid"],
  ["systemd-timesyncd", "/run/systemd/timesync"],
];

export function readTime(): TimeFacts {
  const daemon = DAEMONS.find(([, file]) => existsSync(file))?.[0];
  return {
    kernel: clockStatus(),
    timesync: existsSync("/run/systemd/timesync/synchronized"),
    ...(daemon !== undefined && { daemon }),
  };
}

export function checkTime(facts: TimeFacts, settings: Settings): Findings {
  const rotating = settings.doors.filter(({ users }) => users.length > 0);
  if (rotating.length === 0) return [ok("No door rotates, so the clock does not matter")];
  if (facts.kernel.synchronised || facts.timesync) {
    const error = Math.max(1, Math.ceil(facts.kernel.maxErrorMs));
    return [ok(`The clock is synchronised, right within ${formatDuration(error)}`)];
  }
  const { stepSeconds, skew } = rotating
    .map(({ space }) => space)
    .reduce((a, b) => (a.stepSeconds * a.skew <= b.stepSeconds * b.skew ? a : b));
  const by = facts.daemon === undefined ? "no time service runs" : `${facts.daemon} runs`;
  return [
    warning(
      `The kernel does not call its clock synchronised (${by}), and knocks fail when it is off by more than ${stepSeconds * skew} s`,
      facts.daemon === undefined
        ? 'start one, such as systemd-timesyncd ("timedatectl set-ntp true") or chrony'
        : "see whether it reaches its servers (timedatectl, chronyc tracking); a virtual machine may keep its host's time unseen",
    ),
  ];
}
