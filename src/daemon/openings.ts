/** How many addresses each door is open to, followed from the events. */

import type { DaemonEvent } from "../core/events.ts";

export class Openings {
  readonly #ids = new Map<string, Set<string>>();

  hear(event: DaemonEvent): void {
    switch (event.type) {
      case "grant.opened":
      case "grant.restored": {
        const { door, id } = event.grant;
        const ids = this.#ids.get(door) ?? new Set();
        this.#ids.set(door, ids.add(id));
        return;
      }
      case "grant.closed":
        this.#ids.get(event.grant.door)?.delete(event.grant.id);
    }
  }

  count(door: string): number {
    return this.#ids.get(door)?.size ?? 0;
  }
}
