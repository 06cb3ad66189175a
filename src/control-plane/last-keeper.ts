/** Keeps what works for a start with broken files, whenever something else comes into force. */

import type { Configuration } from "./configuration.ts";
import type { GuardState } from "./guard/guard-loader.ts";
import { keepConfig, type Kept } from "./last-config.ts";

export class LastKeeper {
  readonly #guardState: () => GuardState;
  #waiting: Kept | undefined;

  constructor(guardState: () => GuardState) {
    this.#guardState = guardState;
  }

  /**
   * `next` is in force. `before` returns unless somebody confirms it. Where nothing would return, a configuration that
   * nobody has confirmed yet replaces none that worked; keys are on no probation.
   */
  keep(next: Configuration, before?: Configuration): void {
    const { settings, keysDigest } = next;
    const toml = before?.toml ?? (this.#guardState() === "permanent" ? next.toml : undefined);
    this.#try({ settings, toml, keysDigest });
  }

  /** Tries again what waits for a command that changes the keys. Returns whether it still does. */
  again(): boolean {
    if (this.#waiting !== undefined) this.#try(this.#waiting);
    return this.#waiting !== undefined;
  }

  #try(kept: Kept): void {
    this.#waiting = keepConfig(kept) ? undefined : kept;
  }
}
