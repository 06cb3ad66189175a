/** The end of a start: gives back memory that only the start needed, and keeps that of a knock at hand. */

import { messageOf } from "../core/errors.ts";
import { releaseCleanPages } from "../native/resident.ts";
import { log } from "./log.ts";

/** The engine compiles the code of the warm-up in threads of its own; they are done by then. */
const DELAY_MS = 1_000;

export class AfterStart {
  readonly #warmUp: () => Promise<unknown>;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `warmUp` plays a knock a few times: its code is among the pages that were given back. */
  constructor(warmUp: () => Promise<unknown>) {
    this.#warmUp = warmUp;
  }

  /** Call it when the start is over. */
  begin(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => void this.#settle(), DELAY_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #settle(): Promise<void> {
    this.#timer = undefined;
    Bun.gc(true);
    releaseCleanPages();
    try {
      await this.#warmUp();
    } catch (error) {
      // Without it the next door opens half a millisecond later; that is all.
      if (!this.#stopped) log("warning", messageOf(error));
    }
  }
}
