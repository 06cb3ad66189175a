/**
 * The doors that connections go through now. Where this computer reaches their server from another address
 * than before, they are knocked on again: a door is open to one address. With `keepMs` also that often.
 */

import type { Socket } from "node:net";
import type { Target } from "../client/targets.ts";
import type { Route } from "./routes.ts";

export interface UsedDoorsDeps {
  /** The address from which this computer would connect to another now; undefined without a route. */
  readonly sourceOf: (target: Target) => Promise<string | undefined>;
  /** The addresses of this computer. */
  readonly ownAddresses: () => ReadonlySet<string>;
  /** Knocks without waiting for what it opens, and without throwing. */
  readonly knock: (route: Route, target: Target, why: "moved" | "kept") => Promise<void>;
}

interface UsedDoor {
  readonly route: Route;
  readonly target: Target;
  readonly sockets: Set<Socket>;
  source: string;
  knockedMs: number;
  knocking: boolean;
}

/**
 * How long the address of a connection may be gone before the connection ends: a network that comes back
 * soon brings it back, and one that does not would leave programs waiting for an answer.
 */
const GONE_MS = 10_000;

export class UsedDoors {
  readonly #deps: UsedDoorsDeps;
  readonly #keepMs: number | undefined;
  readonly #doors = new Map<string, UsedDoor>();
  /** When an address of a connection was first missed. */
  readonly #gone = new Map<string, number>();

  constructor(deps: UsedDoorsDeps, keepMs: number | undefined) {
    this.#deps = deps;
    this.#keepMs = keepMs;
  }

  get used(): boolean {
    return this.#doors.size > 0;
  }

  /** Enters a connection through a door; the function that is returned takes it out. */
  enter(route: Route, target: Target, socket: Socket, nowMs: number): () => void {
    const key = JSON.stringify([route.name, target.address]);
    const source = socket.localAddress ?? "";
    const door: UsedDoor = this.#doors.get(key) ?? {
      route,
      target,
      sockets: new Set(),
      source,
      knockedMs: nowMs,
      knocking: false,
    };
    // It came through: the door is open to the address it has.
    door.source = source;
    door.sockets.add(socket);
    this.#doors.set(key, door);
    return () => {
      door.sockets.delete(socket);
      if (door.sockets.size === 0) this.#doors.delete(key);
    };
  }

  /** Looks at every door once; `nowMs` is monotonic. */
  async look(nowMs: number): Promise<void> {
    this.#endStranded(nowMs);
    await Promise.all([...this.#doors.values()].map((door) => this.#lookAt(door, nowMs)));
  }

  async #lookAt(door: UsedDoor, nowMs: number): Promise<void> {
    // A door of one connection: what a knock lets in is for a dial, and none has come.
    if (door.route.profile.opens.length === 0) return;
    const source = await this.#deps.sourceOf(door.target);
    if (source === undefined || door.knocking) return;
    const moved = source !== door.source;
    // A slot opens once, and is as long as this: more knocks would use up those of dials.
    const everyMs = Math.max(this.#keepMs ?? Infinity, door.route.profile.stepSeconds * 1_000);
    if (!moved && nowMs - door.knockedMs < everyMs) return;
    door.source = source;
    door.knockedMs = nowMs;
    door.knocking = true;
    await this.#deps.knock(door.route, door.target, moved ? "moved" : "kept");
    door.knocking = false;
  }

  #endStranded(nowMs: number): void {
    const own = this.#deps.ownAddresses();
    const stranded = new Set<string>();
    for (const socket of [...this.#doors.values()].flatMap(({ sockets }) => [...sockets])) {
      const address = socket.localAddress;
      if (address === undefined || own.has(address)) continue;
      stranded.add(address);
      const sinceMs = this.#gone.get(address) ?? nowMs;
      this.#gone.set(address, sinceMs);
      if (nowMs - sinceMs >= GONE_MS) socket.destroy();
    }
    for (const address of this.#gone.keys()) {
      if (!stranded.has(address)) this.#gone.delete(address);
    }
  }
}
