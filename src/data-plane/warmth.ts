/**
 * Warms up the path of a knock, some knocks at a time between two looks at the wire, and reports
 * when it is warm.
 */

import type { Clock } from "../core/clock.ts";
import type { Firewall } from "../firewall/firewall.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import { WarmUp } from "./warm-up.ts";

/** Knocks of the warm-up played between two looks at the wire: about a millisecond of work. */
const PLAYED_AT_ONCE = 10;

export class Warmth {
  readonly #warmUp: WarmUp;
  readonly #link: Pick<ControlPlaneLink, "tell">;
  #isRising = true;
  #told = false;

  constructor(firewall: Firewall, clock: Clock, link: Pick<ControlPlaneLink, "tell">) {
    this.#warmUp = new WarmUp(firewall, clock);
    this.#link = link;
  }

  /** Whether knocks are left to play. */
  get isRising(): boolean {
    return this.#isRising;
  }

  /** Begins again, for a few knocks. */
  again(): void {
    this.#warmUp.again();
    this.#isRising = true;
  }

  /** Plays some knocks. */
  rise(): void {
    this.#isRising = this.#warmUp.step(PLAYED_AT_ONCE);
    if (this.#isRising || this.#told) return;
    this.#told = true;
    // 18 MB of garbage, which would stay for as long as nothing else is allocated here.
    Bun.gc(true);
    this.#link.tell({ type: "warm" });
  }
}
