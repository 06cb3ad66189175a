/** Keeps the guard in the kernel as it was meant: loads it, compares, puts it back when others changed it. */

import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { guardFingerprint } from "../firewall/audit.ts";
import { loadGuard, removeGuard } from "../firewall/guard.ts";
import { adoptSessions } from "../firewall/sessions.ts";
import { guardedPorts, guardPlan } from "./configuration.ts";

export class Guardian {
  readonly #clock: Clock;
  #settings: Settings;
  #intended: string | undefined;

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Puts the guard of `settings` into the kernel in one transaction; sessions that live are entered
   * into connection tracking first, so that none is cut. Answers how many. Throws OpError, and then
   * the kernel has the guard it had.
   */
  load(settings: Settings): number {
    const plan = guardPlan(settings);
    const adopted = adoptSessions(guardedPorts(settings));
    loadGuard(plan);
    this.#settings = settings;
    this.#intended = guardFingerprint();
    return adopted;
  }

  /** Whether the kernel holds the guard that was loaded. */
  intact(): boolean {
    return this.#intended !== undefined && guardFingerprint() === this.#intended;
  }

  /** Loads the guard again; answers how long that took, in milliseconds. */
  repair(): number {
    const before = this.#clock.monotonicMs();
    this.load(this.#settings);
    return this.#clock.monotonicMs() - before;
  }

  remove(): void {
    removeGuard();
    this.#intended = undefined;
  }
}
