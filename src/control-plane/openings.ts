/** The living grants, followed from the events. */

import type { DaemonEvent } from "../core/events.ts";
import type { Grant, GrantKind } from "../core/grant.ts";

export class Openings {
  readonly #byDoor = new Map<string, Map<string, Grant>>();

  hear(event: DaemonEvent): void {
    switch (event.type) {
      case "grant.opened":
      case "grant.restored": {
        const { door, id } = event.grant;
        const grants = this.#byDoor.get(door) ?? new Map<string, Grant>();
        this.#byDoor.set(door, grants.set(id, event.grant));
        return;
      }
      case "grant.closed":
        this.#byDoor.get(event.grant.door)?.delete(event.grant.id);
    }
  }

  /** All grants; where traffic renews a grant, its end is the one it had when it was opened. */
  *grants(): Generator<Grant, void> {
    for (const grants of this.#byDoor.values()) yield* grants.values();
  }

  /** The kinds and the idle times of all grants. */
  terms(): { readonly kinds: ReadonlySet<GrantKind>; readonly idleMs: ReadonlySet<number> } {
    const kinds = new Set<GrantKind>();
    const times = new Set<number>();
    for (const { kind, idleMs } of this.grants()) {
      kinds.add(kind);
      if (idleMs !== undefined) times.add(idleMs);
    }
    return { kinds, idleMs: times };
  }

  /** The number of a door's grants: one for each address and holder. */
  count(door: string): number {
    return this.#byDoor.get(door)?.size ?? 0;
  }
}
