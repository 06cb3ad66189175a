/** Keeps what works for a start with broken files, whenever something else comes into force. */

import { lastConfigFile } from "../config/last-settings.ts";
import type { StoreNotice } from "../store/state-file.ts";
import type { Configuration } from "./configuration.ts";
import type { GuardState } from "./guard/guard-loader.ts";
import { keepConfig, type Kept } from "./last-config.ts";
import { RefusedFile } from "./refused-file.ts";
import { UnconfirmedRecord } from "./unconfirmed-record.ts";

export class LastKeeper {
  /** What a start does not take. */
  readonly unconfirmed: UnconfirmedRecord;
  readonly #guardState: () => GuardState;
  readonly #told: RefusedFile;
  #waiting: Kept | undefined;
  #busy = false;

  /** `report` hears once of a state folder that refuses what is to be kept, and once when it takes it. */
  constructor(guardState: () => GuardState, report: (notice: StoreNotice) => void) {
    this.#guardState = guardState;
    this.#told = new RefusedFile(report);
    this.unconfirmed = new UnconfirmedRecord(report);
  }

  /**
   * `next` is in force. `before` returns unless somebody confirms it. Where nothing would return, a configuration that
   * nobody has confirmed yet replaces none that worked; keys are on no probation.
   */
  keep(next: Configuration, before?: Configuration): void {
    const { settings, keysDigest } = next;
    const toml = before?.toml ?? (this.#guardState() === "permanent" ? next.toml : undefined);
    this.#try({ settings, toml: toml ?? this.#waiting?.toml, keysDigest });
  }

  /**
   * Tries again what waits for a command that changes the keys, or for a state folder that takes it. Returns whether it
   * waits for the command.
   */
  again(): boolean {
    this.unconfirmed.again();
    if (this.#waiting !== undefined) this.#try(this.#waiting);
    return this.#busy;
  }

  #try(kept: Kept): void {
    const outcome = keepConfig(kept);
    this.#waiting = outcome === "kept" ? undefined : kept;
    this.#busy = outcome === "busy";
    if (outcome === "busy") return;
    const refusal =
      outcome === "kept"
        ? undefined
        : `A start with broken files would not work by the present ones: ${outcome.refusal}`;
    this.#told.hear(lastConfigFile(kept.settings.server.stateDir), refusal);
  }
}
