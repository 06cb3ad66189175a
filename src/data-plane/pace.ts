/** How often the data plane looks at the wire: at once for a knock, now and then while a flood lasts. */

import { BATCH } from "./listener.ts";

/** Packets that come closer together than this wake the thread for nearly each of them. */
const CLOSE_MS = 0.2;

/** Wake-ups in a row before it is a flood: the knocks of four clients, each port sent twice. */
const STREAK = 64;

/** 150 packets at 300,000 a second, of the 24,000 that the kernel's buffer holds; and nothing that a person notices. */
const NAP_MS = 0.5;

/** Fewer packets in a nap than this, and waking up for each is cheap again. */
const FEW = 3;

/**
 * A wake-up costs ten times what a packet does. In a flood the thread therefore sleeps half a millisecond
 * between two looks and takes the gathered packets at once. Times are monotonic milliseconds.
 */
export class Pace {
  #streak = 0;
  #beforeMs = 0;

  /** Takes note of a look that ended at `nowMs` with so many packets; returns the milliseconds to wait before the next. */
  after(packets: number, nowMs: number): number {
    if (packets === 0 && this.#streak < STREAK) return 0;
    const close = this.#streak < STREAK ? nowMs - this.#beforeMs < CLOSE_MS : packets >= FEW;
    this.#streak = close ? Math.min(STREAK, this.#streak + 1) : 0;
    this.#beforeMs = nowMs;
    return this.#streak === STREAK && packets < BATCH ? NAP_MS : 0;
  }
}
