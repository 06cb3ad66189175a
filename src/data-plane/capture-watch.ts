/**
 * Checks the captures: packets that the kernel dropped, interfaces that are missing or down, and
 * whether knocks were heard.
 */

import type { Counters } from "../core/counters.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import { describeCaptures } from "./describe-captures.ts";
import type { Hearing } from "./hearing.ts";

/** So long after something happened, and while something is amiss, drop counts and interfaces are looked after. */
const TICK_MS = 500;

type Watched = Pick<Hearing, "listener" | "matcher" | "restMs">;
type Link = Pick<ControlPlaneLink, "tell" | "fault" | "recovered">;

export class CaptureWatch {
  readonly #hearing: Watched;
  readonly #counters: Counters;
  readonly #link: Link;
  #dueMs = 0;
  /** Knocks counted when the control plane was last told that there were some. */
  #knocksTold = 0;
  #dropping = false;
  /** What the control plane knows to be amiss with the interfaces. */
  #amissTold: string | undefined;

  /** The control plane knows those that are missing now. */
  constructor(hearing: Watched, counters: Counters, link: Link) {
    this.#hearing = hearing;
    this.#counters = counters;
    this.#link = link;
    const { missing, standsIn } = hearing.listener;
    this.#amissTold = describeCaptures({ missing, standsIn, down: [] });
  }

  /** When the next look is due, in monotonic milliseconds. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** An event came: looks soon. */
  happened(nowMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, nowMs + TICK_MS);
  }

  /** An interface was lost, as a sentence. */
  lost(sentence: string): void {
    this.#link.fault("capture", sentence);
    this.#amissTold = sentence;
  }

  look(nowMs: number): void {
    this.#tellOfDrops();
    const isAmiss = this.#lookAtInterfaces();
    const { sources4, sources6, evicted } = this.#hearing.matcher.stats;
    this.#counters.set("sources4", sources4);
    this.#counters.set("sources6", sources6);
    this.#counters.set("sourcesEvicted", evicted);
    const knocks = this.#counters.get("knocks");
    if (knocks !== this.#knocksTold) this.#link.tell({ type: "heard" });
    this.#knocksTold = knocks;
    this.#dueMs = nowMs + (this.#dropping || isAmiss ? TICK_MS : this.#hearing.restMs());
  }

  #tellOfDrops(): void {
    const { fresh: dropped, lost } = this.#hearing.listener.countDrops();
    lost.forEach((sentence) => this.lost(sentence));
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

  /** Attaches to those that are back, and tells what changed. Returns whether anything is amiss. */
  #lookAtInterfaces(): boolean {
    const { listener } = this.#hearing;
    if (listener.missing.length > 0) listener.attachMissing();
    const amiss = describeCaptures(listener);
    if (amiss === this.#amissTold) return amiss !== undefined;
    this.#amissTold = amiss;
    if (amiss !== undefined) this.#link.fault("capture", amiss);
    else this.#link.recovered("capture", `Listening on ${listener.attached.join(", ")}`);
    return amiss !== undefined;
  }
}
