/**
 * Checks the captures: packets that the kernel dropped, missing interfaces, and whether knocks were
 * heard.
 */

import type { Counters } from "../core/counters.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import type { Hearing } from "./hearing.ts";
import { describeStandIn } from "./stand-in.ts";

/** So long after something happened, and while something is amiss, drop counts and interfaces are looked after. */
const TICK_MS = 500;

export class CaptureWatch {
  readonly #hearing: Hearing;
  readonly #counters: Counters;
  readonly #link: ControlPlaneLink;
  #dueMs = 0;
  /** Knocks counted when the control plane was last told that there were some. */
  #knocksTold = 0;
  #dropping = false;

  constructor(hearing: Hearing, counters: Counters, link: ControlPlaneLink) {
    this.#hearing = hearing;
    this.#counters = counters;
    this.#link = link;
  }

  /** When the next look is due, in monotonic milliseconds. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** An event came: looks soon. */
  happened(nowMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, nowMs + TICK_MS);
  }

  look(nowMs: number): void {
    this.#tellOfDrops();
    this.#attachMissing();
    const { sources4, sources6, evicted } = this.#hearing.matcher.stats;
    this.#counters.set("sources4", sources4);
    this.#counters.set("sources6", sources6);
    this.#counters.set("sourcesEvicted", evicted);
    const knocks = this.#counters.get("knocks");
    if (knocks !== this.#knocksTold) this.#link.tell({ type: "heard" });
    this.#knocksTold = knocks;
    const amiss = this.#dropping || this.#hearing.listener.missing.length > 0;
    this.#dueMs = nowMs + (amiss ? TICK_MS : this.#hearing.restMs());
  }

  #tellOfDrops(): void {
    const { fresh: dropped, lost } = this.#hearing.listener.countDrops();
    for (const sentence of lost) this.#link.fault("capture", sentence);
    if (dropped > 0 && !this.#dropping) {
      this.#link.fault(
        "drops",
        `Cannot keep up with the packets: the kernel dropped ${dropped} of them: knocks may be missed until the flood ends`,
      );
    }
    if (dropped === 0 && this.#dropping) {
      this.#link.recovered("drops", "No packet is dropped any more");
    }
    this.#dropping = dropped > 0;
  }

  #attachMissing(): void {
    const { listener } = this.#hearing;
    const missing = listener.missing.length;
    if (missing === 0) return;
    const stoodIn = listener.standsIn;
    listener.attachMissing();
    if (listener.standsIn && !stoodIn) {
      this.#link.fault("capture", describeStandIn(listener.missing));
    }
    if (listener.missing.length === missing) return;
    this.#link.recovered("capture", `Listening on ${listener.attached.join(", ")}`);
  }
}
