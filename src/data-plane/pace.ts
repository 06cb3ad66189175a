/** How often the data plane looks at the wire: at once for a knock, at intervals during a flood. */

import { BATCH } from "./listener.ts";

/** Packets closer together than this wake the thread for nearly each of them. */
const CLOSE_MS = 0.2;

/**
 * Wake-ups in a row that make a flood: more than the knocks of four clients, each port sent twice.
 */
const STREAK = 64;

/**
 * 150 packets at 300,000 a second, of the 24,000 that the kernel's buffer holds; nobody notices the
 * delay.
 */
const NAP_MS = 0.5;

/** With fewer packets in a nap than this, waking up for each is cheap again. */
const FEW = 3;

/**
 * A wake-up costs ten times as much as a packet. In a flood the thread therefore sleeps half a
 * millisecond between two looks and then takes all waiting packets together. Times are monotonic
 * milliseconds.
 */
export class Pace {
  #streak = 0;
  #beforeMs = 0;

  /**
   * Notes a look that ended at `nowMs` with that many packets. Returns the milliseconds to wait
   * before the next.
   */
  after(packets: number, nowMs: number): number {
    if (packets === 0 && this.#streak < STREAK) return 0;
    const close = this.#streak < STREAK ? nowMs - this.#beforeMs < CLOSE_MS : packets >= FEW;
    this.#streak = close ? Math.min(STREAK, this.#streak + 1) : 0;
    this.#beforeMs = nowMs;
    return this.#streak === STREAK && packets < BATCH ? NAP_MS : 0;
  }
}
