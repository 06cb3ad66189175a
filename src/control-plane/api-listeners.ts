/** The two listeners of the API: never a reason not to guard, and tried again until they listen. */

import type { Control } from "../api/control.ts";
import { listenForControl, listenForHealth, type Listening } from "../api/listen.ts";
import type { Settings } from "../config/settings.ts";
import { messageOf } from "../core/errors.ts";
import { log } from "./log.ts";
import type { Readiness } from "./readiness.ts";

/** Another program may let go of the port, and an interface may get its address. */
const RETRY_MS = 5_000;

export interface ApiListenersParts {
  readonly control: Control;
  readonly api: Settings["api"];
  readonly readiness: Readiness;
  /** The pause before a failed listener is tried again; default 5 s. */
  readonly retryMs?: number;
}

/**
 * A busy port, which any local user can cause, or a mistake in `[api]` must not keep doors shut: a
 * listener that fails is logged, makes the daemon not ready, and is tried again.
 */
export class ApiListeners {
  readonly #parts: ApiListenersParts;
  readonly #names: readonly ("health" | "control")[] = ["health", "control"];
  readonly #listening = new Map<"health" | "control", Listening>();
  readonly #refusals = new Map<"health" | "control", string>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: ApiListenersParts) {
    this.#parts = parts;
  }

  /** Where each listens; absent while it cannot. */
  get places(): { readonly health?: string; readonly control?: string } {
    return Object.fromEntries([...this.#listening].map(([name, { place }]) => [name, place]));
  }

  /** Tries the listeners that are missing; does not reject. */
  async start(): Promise<void> {
    for (const name of this.#names) {
      if (this.#stopped || this.#listening.has(name)) continue;
      try {
        const listening = await this.#listen(name);
        this.#listening.set(name, listening);
        if (this.#refusals.delete(name)) log("info", `Listening on ${listening.place} now`);
      } catch (error) {
        const message = messageOf(error);
        if (this.#refusals.get(name) !== message)
          log("error", `${message}; tried again every ${RETRY_MS / 1_000} s`);
        this.#refusals.set(name, message);
      }
    }
    this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const listening of this.#listening.values()) listening.stop();
  }

  #listen(name: "health" | "control"): Listening | Promise<Listening> {
    const { control, api } = this.#parts;
    const report = (error: unknown) => log("error", `A request failed: ${messageOf(error)}`);
    return name === "health"
      ? listenForHealth(control, api.listen, { report })
      : listenForControl(control, api.socket, { report });
  }

  #tell(): void {
    const { readiness, retryMs = RETRY_MS } = this.#parts;
    const missing = [...this.#refusals.values()].join("; ");
    if (missing === "") {
      readiness.clear("listen");
      return;
    }
    readiness.set("listen", missing);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), retryMs);
  }
}
