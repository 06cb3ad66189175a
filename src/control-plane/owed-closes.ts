/** Grants of removed keys that the kernel refused to end: closed again until that is done. */

import { messageOf } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";

export class OwedCloses {
  readonly #close: (id: string) => Promise<Grant | undefined>;
  readonly #ids = new Set<string>();

  /** @param close ends a grant; undefined where there is none of this id. Rejects where the kernel refuses. */
  constructor(close: (id: string) => Promise<Grant | undefined>) {
    this.#close = close;
  }

  /** Ends these grants, and those that were refused before. Resolves to what was ended, and why the rest was not. */
  async close(
    ids: readonly string[],
  ): Promise<{ readonly ended: Grant[]; readonly refusals: readonly string[] }> {
    const ended: Grant[] = [];
    const refusals: string[] = [];
    for (const id of new Set([...this.#ids, ...ids])) {
      this.#ids.add(id);
      try {
        const grant = await this.#close(id);
        if (grant !== undefined) ended.push(grant);
        this.#ids.delete(id);
      } catch (error) {
        refusals.push(messageOf(error));
      }
    }
    return { ended, refusals };
  }

  /** Whoever has opened the door since, by a key that counts, keeps the grant. */
  hear(event: DaemonEvent): void {
    if (event.type === "grant.opened") this.#ids.delete(event.grant.id);
  }

  /** Tries again. Resolves to whether some are left; does not reject. */
  async again(): Promise<boolean> {
    if (this.#ids.size > 0) await this.close([]);
    return this.#ids.size > 0;
  }
}
