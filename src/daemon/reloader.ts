/** Puts a new configuration in the place of the one in force: the whole of it or nothing. */

import type { Settings } from "../config/settings.ts";
import { type Configuration, readConfiguration, withKeysOfNow } from "./configuration.ts";
import { log } from "./log.ts";
import type { Plan } from "./plan.ts";
import { counted } from "./start-report.ts";

export interface ReloaderParts {
  /** config.toml */
  readonly file: string;
  /** What is in force. */
  readonly current: () => Configuration;
  /** Makes the data plane work by the plan; when it cannot it works by its old one, and this throws. */
  readonly configure: (plan: Plan) => Promise<void>;
  /** Loads the guard in one transaction; when it cannot the old one stands, and this throws. */
  readonly guard: (settings: Settings) => void;
  /** The configuration is in force from now on. */
  readonly entered: (next: Configuration) => void;
  /** The same configuration with other keys is. */
  readonly keysEntered: (next: Configuration) => void;
  /** It is not, and why. */
  readonly refused: (error: unknown) => void;
}

export class Reloader {
  readonly #parts: ReloaderParts;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /** Re-reads the file; answers what to tell. A bad one changes nothing, throws, and the old one stays in force. */
  reload(): Promise<string> {
    return this.#inTurn(() => this.#reloadOnce());
  }

  /**
   * Takes the keys as they stand in their file, and nothing else; returns what was in force before. A bad
   * file changes nothing and throws.
   */
  reloadKeys(): Promise<Configuration> {
    return this.#inTurn(async () => {
      const before = this.#parts.current();
      const next = withKeysOfNow(before);
      await this.#parts.configure(next.plan);
      this.#parts.keysEntered(next);
      return before;
    });
  }

  /** One after the other: what one takes back when it fails must be what stood before it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#reloading.then(work);
    this.#reloading = done.catch(this.#parts.refused);
    return done;
  }

  async #reloadOnce(): Promise<string> {
    const { file, current, configure, guard, entered } = this.#parts;
    const next = readConfiguration(file);
    const before = current();
    await configure(next.plan);
    try {
      guard(next.settings);
    } catch (error) {
      await configure(before.plan);
      throw error;
    }
    entered(next);
    for (const warning of next.warnings) log("warning", warning);
    if (!sameApi(before.settings, next.settings)) {
      log("warning", "A changed [api] takes effect at the next start");
    }
    const sentence = `Reloaded ${file}: ${counted(next.settings.doors.length, "door")}, ${counted(next.keys.length, "key")}`;
    log("info", sentence);
    return sentence;
  }
}

function sameApi({ api: a }: Settings, { api: b }: Settings): boolean {
  return (
    a.listen.host === b.listen.host && a.listen.port === b.listen.port && a.socket === b.socket
  );
}
