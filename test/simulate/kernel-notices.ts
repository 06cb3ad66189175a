/** How the kernel tells of changes to its tables: at once, or late, in another order, and not of all. */

import type { Agenda } from "./agenda.ts";

/** The longest time that a notice is late. */
const LATE_MS = 2_000;

/** Hears of a change by `origin`, a socket; 0 is somebody else's. */
export type Listener = (origin: number, tookOnce: boolean) => void;

export class KernelNotices {
  readonly #agenda: Agenda;
  readonly #lost: () => void;
  #lateUntilMs = -Infinity;
  #random: (below: number) => number = () => 0;

  /** `lost` hears of each notice that gets lost. */
  constructor(agenda: Agenda, lost: () => void) {
    this.#agenda = agenda;
    this.#lost = lost;
  }

  /** For so long, they come late and in another order, and some of them are lost. */
  delay(forMs: number, random: (below: number) => number): void {
    this.#lateUntilMs = this.#agenda.monotonicMs() + forMs;
    this.#random = random;
  }

  /** They come at once. */
  mend(): void {
    this.#lateUntilMs = -Infinity;
  }

  send(listener: Listener, origin: number, tookOnce: boolean): void {
    if (this.#agenda.monotonicMs() >= this.#lateUntilMs) {
      listener(origin, tookOnce);
      return;
    }
    const lost = this.#random(4) === 0;
    this.#agenda.after(this.#random(LATE_MS), () => {
      if (lost) this.#lost();
      // Whoever lost some is told so, and nothing else.
      listener(...(lost ? ([0, true] as const) : ([origin, tookOnce] as const)));
    });
  }
}
