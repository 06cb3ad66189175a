/** Tells the control plane what the firewall refuses, and nothing as often as somebody can cause it. */

import type { Clock } from "../core/clock.ts";
import { messageOf, OpError } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import { Errno } from "../native/errno.ts";

/**
 * A repeated fault is reported once in this time: a flood of forged knocks must not cause a flood
 * of log lines.
 */
const QUIET_MS = 5_000;

export class FaultReports {
  readonly #clock: Clock;
  readonly #emit: (event: DaemonEvent) => void;
  readonly #quietUntilMs = new Map<string, number>();

  constructor(clock: Clock, emit: (event: DaemonEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** The firewall refused a change, or did not answer. */
  firewall(error: unknown): void {
    const isFull = error instanceof OpError && error.code === Errno.ENFILE;
    if (!this.isDue(isFull ? "a full set" : "the firewall")) return;
    this.#emit({
      type: "fault",
      atMs: this.#clock.wallMs(),
      part: "firewall",
      message: messageOf(error),
      ...(isFull && { full: true }),
    });
  }

  /** Whether this may be reported now: at most once in `QUIET_MS`, and the caller does so. */
  isDue(what: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < (this.#quietUntilMs.get(what) ?? 0)) return false;
    this.#quietUntilMs.set(what, nowMs + QUIET_MS);
    return true;
  }
}
