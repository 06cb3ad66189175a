/** Connections through doors. Dials that find one closed at the same time share a knock. */

import type { Socket } from "node:net";
import type { KnockOutcome } from "../client/attempts.ts";
import { dialClosed, lookAt } from "../client/dial.ts";
import type { DialOptions, Look } from "../client/dial.ts";
import type { KnockDeps } from "../client/knock-deps.ts";
import { KNOCK_DEFAULTS } from "../client/knock.ts";
import type { VainKnock } from "../client/knock.ts";
import { failedDoor } from "../client/messages.ts";
import { messageOf } from "../core/errors.ts";
import { DialError } from "./dial-error.ts";
import type { Route } from "./routes.ts";

/** A connection, paused and the caller's, and the knocks that it took. */
export interface Dialled {
  readonly socket: Socket;
  readonly outcome: KnockOutcome;
}

type Opened = KnockOutcome & { readonly socket: Socket };

export class Doors {
  readonly #options: DialOptions;
  readonly #deps: KnockDeps;
  /** By profile, host and port: the dial that knocks there now. */
  readonly #opening = new Map<string, Promise<Opened>>();
  /** By profile: a dial just after one that failed sends a knock of its own. */
  readonly #vain = new Map<string, VainKnock>();

  constructor(options: DialOptions, deps: KnockDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Connects to a port, after a knock where it is closed. Throws a DialError. */
  async connect(route: Route): Promise<Dialled> {
    try {
      const look = await lookAt(route.to, this.#options, this.#deps);
      const outcome = look.open ?? (await this.#open(route, look));
      return { socket: outcome.socket!, outcome };
    } catch (error) {
      if (error instanceof DialError) throw error;
      throw new DialError("failed", messageOf(error), { cause: error });
    }
  }

  async #open(route: Route, look: Look): Promise<KnockOutcome> {
    const { name, profile, to } = route;
    // A link that names no port may be one to a door of one connection: there each needs its own knock.
    if (profile.opens.length === 0) return this.#knock(route, look);
    const key = JSON.stringify([name, to.host, to.port]);
    const begun = this.#opening.get(key);
    if (begun !== undefined) return this.#follow(route, await begun);
    const opening = this.#knock(route, look).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async #knock({ name, profile, to }: Route, look: Look): Promise<Opened> {
    const { clock } = this.#deps;
    const vain = this.#vain.getOrInsertComputed(name, () => ({}));
    const outcome = await dialClosed(profile, to, look, { ...this.#options, vain }, this.#deps);
    const { socket, state } = outcome;
    if (socket !== undefined) return { ...outcome, socket };
    const { message } = failedDoor(profile, outcome, clock.wallMs());
    throw new DialError(state === "refused" ? "refused" : "silent", message);
  }

  /** Connects where the knock of another dial has just opened the port. */
  async #follow({ profile, to }: Route, { target }: Opened): Promise<KnockOutcome> {
    const { clock, network } = this.#deps;
    const startedMs = clock.monotonicMs();
    const { timeoutMs = KNOCK_DEFAULTS.timeoutMs } = this.#options;
    const connected = await network.firstOpen([target], to.port, timeoutMs);
    if (connected === undefined) {
      throw new DialError(
        "silent",
        `Cannot connect to ${profile.host}:${to.port}: it answered one connection, and this one no more: dial again`,
      );
    }
    const elapsedMs = clock.monotonicMs() - startedMs;
    const facts = { port: to.port, attempts: 0, elapsedMs, sinceKnockMs: elapsedMs };
    return { state: "open", before: "silent", ...connected, ...facts };
  }
}
