/** Keeps the service manager informed, where there is one; a message that cannot be sent is logged, once. */

import { messageOf } from "../core/errors.ts";
import type { Notifier } from "./notify.ts";

type Log = (level: "warning", sentence: string) => void;

export class ServiceManager {
  readonly #notifier: Notifier | undefined;
  readonly #log: Log;
  #complained = false;
  #timer: NodeJS.Timeout | undefined;

  /** Without a notifier nothing is reported. */
  constructor(notifier: Notifier | undefined, log: Log) {
    this.#notifier = notifier;
    this.#log = log;
  }

  /** The daemon is up; from now on the watchdog is fed as long as `alive` resolves to true. */
  ready(status: string, alive: () => Promise<boolean>): void {
    this.#tell((notifier) => notifier.ready(status));
    const watchdogMs = this.#notifier?.watchdogMs;
    if (watchdogMs === undefined) return;
    const feed = async () => {
      if (await alive()) this.#tell((notifier) => notifier.watchdog());
    };
    this.#timer = setInterval(() => void feed(), watchdogMs / 2);
  }

  /** Whether the manager ends a daemon that hangs. */
  get watched(): boolean {
    return this.#notifier?.watchdogMs !== undefined;
  }

  status(sentence: string): void {
    this.#tell((notifier) => notifier.status(sentence));
  }

  reloading(): void {
    this.#tell((notifier) => notifier.reloading());
  }

  reloaded(status: string): void {
    this.#tell((notifier) => notifier.ready(status));
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#tell((notifier) => notifier.stopping());
  }

  #tell(say: (notifier: Notifier) => void): void {
    if (this.#notifier === undefined) return;
    try {
      say(this.#notifier);
    } catch (error) {
      if (this.#complained) return;
      this.#complained = true;
      this.#log("warning", `The service manager cannot be told: ${messageOf(error)}`);
    }
  }
}
