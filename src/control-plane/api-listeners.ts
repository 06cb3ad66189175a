/**
 * The two listeners of the API: never a reason not to guard, tried again until they listen, and
 * again where somebody removed the control socket.
 */

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
  #trying: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: ApiListenersParts) {
    this.#parts = parts;
  }

  /** Where each listens; absent while it cannot. */
  get places(): { readonly health?: string; readonly control?: string } {
    return Object.fromEntries([...this.#listening].map(([name, { place }]) => [name, place]));
  }

  /**
   * Tries the listeners that are missing, or that nobody finds at their place any more; does not
   * reject. May be called at any time: one try follows another.
   */
  start(): Promise<void> {
    this.#trying = this.#trying.then(() => this.#try());
    return this.#trying;
  }

  async #try(): Promise<void> {
    for (const name of this.#names) {
      if (this.#stopped) return;
      try {
        await this.#reach(name);
      } catch (error) {
        const message = messageOf(error);
        if (this.#refusals.get(name) !== message)
          log("error", `${message}; tried again every ${RETRY_MS / 1_000} s`);
        this.#refusals.set(name, message);
      }
    }
    this.#tell();
  }

  /** Makes a listener stand at its place. Throws a SallyportError where it cannot. */
  async #reach(name: "health" | "control"): Promise<void> {
    const before = this.#listening.get(name);
    const listening = before?.stands() === true ? before : await this.#listen(name, before);
    this.#listening.set(name, listening);
    // It was stopped meanwhile, before this one was known.
    if (this.#stopped) listening.stop();
    // A socket that was moved away may have been moved back.
    if (this.#refusals.delete(name)) log("info", `Listening on ${listening.place} now`);
    else if (before !== undefined && before !== listening) {
      log("warning", `Listening on ${listening.place} again: somebody had removed that socket`);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const listening of this.#listening.values()) listening.stop();
  }

  #listen(name: "health" | "control", before?: Listening): Listening | Promise<Listening> {
    const { control, api } = this.#parts;
    const report = (error: unknown) => log("error", `A request failed: ${messageOf(error)}`);
    return name === "health"
      ? listenForHealth(control, api.listen, { report })
      : listenForControl(control, api.socket, { report }, before);
  }

  #tell(): void {
    const { readiness, retryMs = RETRY_MS } = this.#parts;
    clearTimeout(this.#timer);
    const missing = [...this.#refusals.values()].join("; ");
    if (missing === "") {
      readiness.clear("listen");
      return;
    }
    readiness.set("listen", missing);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), retryMs);
  }
}
