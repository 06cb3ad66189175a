/** Closes by hand: which somebody asked for, and what each of them must end. */

import type { Agenda } from "./agenda.ts";
import { grantsHeld } from "./agreement.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Watches } from "./watches.ts";

interface ClosingsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly keys: Pick<KeyRing, "hasChanged">;
  readonly watches: Pick<Watches, "oracle" | "grants" | "sessions">;
}

export class Closings {
  readonly #parts: ClosingsParts;
  /** The ids of grants that somebody wants closed. */
  readonly #asked = new Set<string>();

  constructor(parts: ClosingsParts) {
    this.#parts = parts;
  }

  /** Somebody wants this grant closed. */
  ask(id: string): void {
    this.#asked.add(id);
  }

  /** The daemon is about to close the grant. Call the result when that is done. */
  begin(daemon: Daemon, id: string): () => void {
    const { agenda, chronicle, keys, watches } = this.#parts;
    const grant = daemon.opening.ledger.get(id);
    if (grant === undefined) return () => undefined;
    const { user = "", device = "", door } = grant;
    if (!this.#asked.delete(id) && !keys.hasChanged(user, device)) {
      chronicle.break("a grant ends for a reason", `nobody asks to close that of ${door}`);
    }
    const closed = watches.sessions.closing(grant, () => grantsHeld(daemon, agenda));
    watches.grants.closing(id);
    return () => {
      watches.oracle.permits.forget(id);
      chronicle.judge(closed());
    };
  }
}
