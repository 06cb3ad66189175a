/** Sees what a living daemon does, notes it, and tells the watches. */

import type { DaemonEvent } from "../../src/core/events.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Closings } from "./closings.ts";
import type { Daemon, DaemonParts } from "./daemon.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Life } from "./life.ts";
import type { Watches } from "./watches.ts";

/** What a daemon tells of its work. */
type Seen = Pick<
  DaemonParts,
  "hearing" | "heard" | "note" | "feeding" | "opening" | "closing" | "entered"
>;

interface WitnessParts {
  readonly chronicle: Chronicle;
  readonly keys: Pick<KeyRing, "living">;
  readonly watches: Watches;
  readonly closings: Pick<Closings, "begin">;
  /** Another configuration is in force. */
  readonly entered: (daemon: Daemon) => void;
}

export class Witness {
  readonly #parts: WitnessParts;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  /** For the daemon of this life, once it is made. */
  of(life: Pick<Life, "isAlive">, daemon: () => Daemon): Seen {
    const { chronicle, keys, watches, closings, entered } = this.#parts;
    return {
      hearing: (event) => {
        if (life.isAlive) watches.hearing(event, daemon().inForce.settings.doors);
      },
      heard: (event) => {
        if (!life.isAlive) return;
        watches.heard(event);
        chronicle.tally.add(event.type);
        chronicle.note(wordsOf(event));
      },
      note: (line) => {
        if (life.isAlive) chronicle.note(line);
      },
      feeding: (knock) => {
        watches.oracle.hear(knock, daemon().hearing.plan.doors, keys.living);
      },
      opening: ({ door: name, address }) => {
        const door = daemon().hearing.plan.doors.find((one) => one.name === name);
        if (door !== undefined) watches.oracle.permits.addByHand(door, address, door.openForMs);
      },
      closing: (id) => closings.begin(daemon(), id),
      entered: () => {
        if (life.isAlive) entered(daemon());
      },
    };
  }
}

function wordsOf(event: DaemonEvent): string {
  switch (event.type) {
    case "grant.opened":
    case "grant.restored":
    case "grant.closed": {
      const { door, address, via } = event.grant;
      const reason = event.type === "grant.closed" ? `, ${event.reason}` : "";
      return `event: ${event.type} ${door} ${address} ${via}${reason}`;
    }
    default:
      return `event: ${event.type}${"message" in event ? `: ${event.message}` : ""}`;
  }
}
