/** When something last happened that may keep a right knock out, or kernel and ledger from agreeing. */

import type { Clock } from "../../src/core/clock.ts";

export class Disturbances {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #tampered: () => void;
  #count = 0;
  #lastMs = 0;
  #shaken = 0;
  #shakenMs = 0;
  #tamperedMs = 0;
  #spentMs = 0;

  /** `tampered` is called whenever only a repair mends what happened. */
  constructor(clock: Pick<Clock, "monotonicMs">, tampered: () => void) {
    this.#clock = clock;
    this.#tampered = tampered;
  }

  /** Something happened that costs no knock its opening where its door and its key stay. */
  disturbGently(): void {
    this.#count++;
    this.#lastMs = this.#clock.monotonicMs();
  }

  /** Something happened that may cost a knock its opening. */
  disturb(): void {
    this.#shaken++;
    this.#shakenMs = this.#clock.monotonicMs();
    this.disturbGently();
  }

  /** Somebody else changed the kernel's table, or the kernel refused a change: only a repair mends that. */
  tamper(): void {
    this.#tamperedMs = this.#clock.monotonicMs();
    this.#tampered();
    this.disturb();
  }

  /** A connection spent a grant: the daemon finds that by itself, a few times a second. */
  grantSpent(): void {
    this.#count++;
    this.#spentMs = this.#clock.monotonicMs();
  }

  /** Another number after each of them. */
  get count(): number {
    return this.#count;
  }

  /** Another number after each that may cost a knock its opening. */
  get shaken(): number {
    return this.#shaken;
  }

  /** Since the last of any kind but `grantSpent`. */
  get quietMs(): number {
    return this.#clock.monotonicMs() - this.#lastMs;
  }

  /** Since the last that may cost a knock its opening. */
  get steadyMs(): number {
    return this.#clock.monotonicMs() - this.#shakenMs;
  }

  get untamperedMs(): number {
    return this.#clock.monotonicMs() - this.#tamperedMs;
  }

  get unspentMs(): number {
    return this.#clock.monotonicMs() - this.#spentMs;
  }
}
