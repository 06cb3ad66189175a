/** The pages of one knock space that matter now: built before their slot, used again after it. */

import { slotAt, slotStartMs } from "../rks/slot.ts";
import type { KnockSpace } from "../rks/space.ts";
import { NO_SLOT, SlotPage } from "./slot-page.ts";
import type { SubjectGroup } from "./subject-table.ts";

export class Pages {
  /** The slots accepted at the time of the last `turnTo`, lowest first. */
  readonly accepted: SlotPage[] = [];
  /**
   * The accepted slots, and those that a packet within one window before or after can complete: a
   * hit on any of their ports is worth remembering. With these, "no memory before the first hit on
   * a port of a valid sequence" decides as if everything were remembered.
   */
  readonly remembered: SlotPage[] = [];

  readonly #space: KnockSpace;
  readonly #group: SubjectGroup;
  /** All pages. Those of slots out of reach are used again for slots to come. */
  readonly #pages: SlotPage[] = [];
  /** A millisecond more than the window, since times are compared in whole milliseconds. */
  readonly #reachMs: number;
  /** Between these times `accepted` and `remembered` stay the same. */
  #fromMs = 0;
  #untilMs = 0;

  constructor(group: SubjectGroup) {
    this.#space = group.space;
    this.#group = group;
    this.#reachMs = group.space.windowSeconds * 1_000 + 1;
  }

  /**
   * Sets `accepted` and `remembered` for a packet's time, and completes any page that is not ready.
   */
  turnTo(timeMs: number): void {
    if (timeMs >= this.#fromMs && timeMs < this.#untilMs) return;
    const { stepSeconds, skew } = this.#space;
    this.#fromMs = -Infinity;
    this.#untilMs = Infinity;
    for (const shift of [-this.#reachMs, 0, this.#reachMs]) {
      const slot = slotAt(timeMs + shift, stepSeconds);
      this.#fromMs = Math.max(this.#fromMs, slotStartMs(slot, stepSeconds) - shift);
      this.#untilMs = Math.min(this.#untilMs, slotStartMs(slot + 1, stepSeconds) - shift);
    }
    this.accepted.length = 0;
    this.remembered.length = 0;
    this.#letGo(timeMs);
    const own = slotAt(timeMs, stepSeconds);
    for (let slot = this.#firstSlot(timeMs); slot <= this.#lastSlot(timeMs); slot++) {
      const page = this.#page(slot);
      if (!page.ready) page.build(Infinity);
      this.remembered.push(page);
      if (Math.abs(slot - own) <= skew) this.accepted.push(page);
    }
  }

  /**
   * Works ahead for the present time and one slot more, most urgent pages first, with at most
   * `units` derivations or as much other work. Returns the units left unspent: 0 means that more
   * may wait.
   */
  prepare(nowMs: number, units: number): number {
    this.#letGo(nowMs);
    let left = units;
    const last = this.#lastSlot(nowMs) + 1;
    for (let slot = this.#firstSlot(nowMs); slot <= last && left > 0; slot++) {
      const page = this.#page(slot);
      if (!page.ready) left = page.build(left);
    }
    return left;
  }

  /** Forgets all pages. */
  release(): void {
    this.accepted.length = 0;
    this.remembered.length = 0;
    this.#pages.length = 0;
  }

  #firstSlot(timeMs: number): number {
    const { stepSeconds, skew } = this.#space;
    return Math.max(0, slotAt(timeMs - this.#reachMs, stepSeconds) - skew);
  }

  #lastSlot(timeMs: number): number {
    return slotAt(timeMs + this.#reachMs, this.#space.stepSeconds) + this.#space.skew;
  }

  #page(slot: number): SlotPage {
    let spare: SlotPage | undefined;
    for (const page of this.#pages) {
      if (page.slot === slot) return page;
      if (page.slot === NO_SLOT) spare = page;
    }
    if (spare === undefined) this.#pages.push((spare = new SlotPage(this.#group)));
    spare.turnTo(slot);
    return spare;
  }

  /**
   * Frees the pages out of reach, a window later than possible: packets come a little behind the
   * clock.
   */
  #letGo(timeMs: number): void {
    const first = this.#firstSlot(timeMs - this.#reachMs);
    const last = this.#lastSlot(timeMs) + 1;
    for (const page of this.#pages) {
      if (page.slot >= first && page.slot <= last) continue;
      // The page that judged the last packet may judge the next one: it stays until a packet turns
      // away.
      if (!this.remembered.includes(page)) page.turnTo(NO_SLOT);
    }
  }
}
