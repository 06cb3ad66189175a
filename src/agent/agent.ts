/** The agent: its ports, the doors behind them, and what it tells. */

import type { Server, Socket } from "node:net";
import type { DialOptions } from "../client/dial.ts";
import type { KnockDeps } from "../client/knock-deps.ts";
import { knock } from "../client/knock.ts";
import { describeOutcome } from "../client/messages.ts";
import type { Target } from "../client/targets.ts";
import { messageOf } from "../core/errors.ts";
import { DialError } from "./dial-error.ts";
import { Doors } from "./doors.ts";
import { readHandshake } from "./handshake.ts";
import type { Dial } from "./handshake.ts";
import { rememberingLookUp } from "./host-addresses.ts";
import { Crowd, listen } from "./listen.ts";
import { formatPlace, LOOPBACK } from "../client/places.ts";
import type { Forward, Place } from "../client/places.ts";
import { answerGet } from "./proxy-page.ts";
import { relay } from "./relay.ts";
import { findRoute, reachOf } from "./routes.ts";
import type { Route, SavedProfile } from "./routes.ts";
import { UsedDoors } from "./used-doors.ts";
import { ownAddresses, sourceOf } from "./whereabouts.ts";

export interface AgentOptions {
  /** Where SOCKS5 and HTTP CONNECT listen; undefined for nowhere. */
  readonly proxy: Place | undefined;
  readonly forwards: readonly Forward[];
  /** Accept other users' programs, too. */
  readonly share: boolean;
  /** Knock again so often while a door is used; undefined: only where the address changes. */
  readonly keepMs: number | undefined;
  readonly dial: DialOptions;
}

export interface AgentDeps {
  readonly knock: KnockDeps;
  /** The profiles as they are now. */
  readonly saved: () => readonly SavedProfile[];
  /** The route of a forward as its profile is now. Throws a SallyportError where there is none. */
  readonly routeOf: (forward: Forward) => Route;
  readonly report: (line: string) => void;
  /** What is told only to those who ask for it. */
  readonly reportMore: (line: string) => void;
}

/** A program that dials says where to at once: whoever takes longer holds a place that others need. */
const HANDSHAKE_MS = 10_000;

/** How long an answer that ends a connection may take to be read. */
const LINGER_MS = 2_000;

const LOOK_EVERY_MS = 2_000;

export class Agent implements Disposable {
  readonly #options: AgentOptions;
  readonly #deps: AgentDeps;
  readonly #doors: Doors;
  readonly #used: UsedDoors;
  readonly #lookUp: ReturnType<typeof rememberingLookUp>;
  readonly #crowd = new Crowd();
  readonly #servers: Server[] = [];
  #watch: Timer | undefined;

  constructor(options: AgentOptions, deps: AgentDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#doors = new Doors(options.dial, deps.knock);
    this.#lookUp = rememberingLookUp(deps.knock.network, deps.knock.clock);
    this.#used = new UsedDoors(
      { sourceOf, ownAddresses, knock: (...args) => this.#knockAgain(...args) },
      options.keepMs,
    );
  }

  /** Resolves once every port listens. Throws a SallyportError where one cannot, and then none does. */
  async start(): Promise<void> {
    const { proxy, forwards } = this.#options;
    try {
      if (proxy !== undefined) await this.#listen(proxy, (socket) => this.#serveProxy(socket));
      for (const forward of forwards) {
        await this.#listen(forward.at, (socket) => this.#serveForward(socket, forward));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Ends every connection. */
  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    for (const server of this.#servers) server.close();
    this.#crowd.end();
  }

  async #listen(place: Place, serve: (socket: Socket) => Promise<void>): Promise<void> {
    const { share } = this.#options;
    const { report } = this.#deps;
    this.#servers.push(await listen({ place, share, crowd: this.#crowd, serve, report }));
  }

  async #serveProxy(socket: Socket): Promise<void> {
    const asked = await readHandshake(socket, HANDSHAKE_MS);
    if (asked.kind === "gone") return void socket.destroy();
    if (asked.kind === "refused") {
      this.#deps.report(asked.reason);
      return finish(socket, asked.answer);
    }
    if (asked.kind === "page") {
      const { path, headers } = asked.request;
      const at = { address: socket.localAddress ?? LOOPBACK, port: socket.localPort ?? 0 };
      return finish(socket, answerGet(path, headers, reachOf(this.#deps.saved()), at));
    }
    await this.#serveDial(socket, asked);
  }

  async #serveDial(socket: Socket, dial: Dial): Promise<void> {
    try {
      const route = await findRoute(this.#deps.saved(), dial.to, this.#lookUp);
      await this.#connect(socket, route, dial);
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      this.#deps.report(error.message);
      finish(socket, dial.failed(error.kind, error.message));
    }
  }

  async #serveForward(socket: Socket, forward: Forward): Promise<void> {
    try {
      await this.#connect(socket, this.#deps.routeOf(forward));
    } catch (error) {
      this.#deps.report(`${formatPlace(forward.at)}: ${messageOf(error)}`);
      socket.resetAndDestroy();
    }
  }

  /** Throws a DialError where there is no connection. */
  async #connect(socket: Socket, route: Route, dial?: Dial): Promise<void> {
    const { socket: far, outcome } = await this.#doors.connect(route);
    const { door, host } = route.profile;
    this.#deps.reportMore(describeOutcome(`${door} on ${host}`, outcome));
    // Whoever dialled may have given up meanwhile.
    if (socket.destroyed) return void far.destroy();
    far.on("error", () => {});
    const leave = this.#enter(route, outcome.target, far);
    try {
      if (dial !== undefined) {
        socket.write(dial.connected);
        if (dial.rest.length > 0) far.write(dial.rest);
      }
      await relay(socket, far);
    } finally {
      leave();
    }
  }

  #enter(route: Route, target: Target, far: Socket): () => void {
    const { clock } = this.#deps.knock;
    const leave = this.#used.enter(route, target, far, clock.monotonicMs());
    this.#watch ??= setInterval(() => {
      void this.#used.look(clock.monotonicMs());
    }, LOOK_EVERY_MS);
    return () => {
      leave();
      if (this.#used.used) return;
      clearInterval(this.#watch);
      this.#watch = undefined;
    };
  }

  async #knockAgain({ profile }: Route, target: Target, why: "moved" | "kept"): Promise<void> {
    const { report, reportMore } = this.#deps;
    const where = `${profile.door} on ${profile.host}`;
    try {
      await knock(profile, { waitPort: false, targets: [target] }, this.#deps.knock);
      reportMore(
        why === "moved"
          ? `${where}: knocked again, since this computer has another address now`
          : `${where}: knocked again, to keep it open`,
      );
    } catch (error) {
      report(messageOf(error));
    }
  }
}

/** Says the last word, and waits a moment until it is read: unread bytes of the other side would cut it off. */
function finish(socket: Socket, answer: Uint8Array): void {
  socket.end(answer);
  socket.resume();
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(linger));
  socket.once("end", () => socket.destroySoon());
}
