/** How often the data plane looks at the wire: at once for a knock, at intervals during a flood. */

import { BATCH } from "./listener.ts";

/** Packets closer together than this wake the thread for nearly each of them. */
const CLOSE_MS = 0.2;

/**
 * Wake-ups in a row that make a flood: more than the knocks of four clients, each port sent twice.
 */
const STREAK = 64;

/** The packets that one wake-up should take: it costs as much as some thirty of them. */
const WORTHWHILE = 24;

/**
 * The bounds of a nap. In the shortest, 90 packets come at 300,000 a second, of the 24,000 that the
 * kernel's buffer holds. The longest is how much later a door opens; nobody notices it.
 */
const SHORTEST_MS = 0.3;
const LONGEST_MS = 2;

/** With fewer packets in each of two naps than this, waking up for each is cheap again. */
const FEW = 3;

/**
 * A wake-up costs more than a packet by far. In a flood the thread therefore sleeps between two looks
 * and then takes all waiting packets together: the shorter, the more of them come. Times are
 * monotonic milliseconds.
 */
export class Pace {
  #streak = 0;
  #beforeMs = 0;
  /** 0 while packets may wake the thread. */
  #napMs = 0;
  #quiet = false;

  /**
   * Notes a look that ended at `nowMs` with that many packets. Returns the milliseconds to wait
   * before the next.
   */
  after(packets: number, nowMs: number): number {
    if (this.#napMs > 0) return this.#inFlood(packets, nowMs);
    if (packets === 0) return 0;
    this.#streak = nowMs - this.#beforeMs < CLOSE_MS ? this.#streak + 1 : 0;
    this.#beforeMs = nowMs;
    if (this.#streak >= STREAK) this.#napMs = SHORTEST_MS;
    return packets < BATCH ? this.#napMs : 0;
  }

  #inFlood(packets: number, nowMs: number): number {
    const wasQuiet = this.#quiet;
    this.#quiet = packets < FEW;
    if (this.#quiet && wasQuiet) {
      this.#napMs = 0;
      this.#quiet = false;
      this.#streak = 0;
      this.#beforeMs = nowMs;
      return 0;
    }
    // More wait than were taken.
    if (packets >= BATCH) return 0;
    // Halfway towards the nap that would have had so many.
    const wanted = (this.#napMs * WORTHWHILE) / Math.max(1, packets);
    this.#napMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (this.#napMs + wanted) / 2));
    return this.#napMs;
  }
}
