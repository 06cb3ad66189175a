/** Grants of removed keys that the kernel refused to end: closed again until that is done. */

import { messageOf } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";

export class OwedCloses {
  readonly #close: (id: string) => Promise<Grant | undefined>;
  readonly #left: () => void;
  readonly #ids = new Set<string>();

  /**
   * @param close ends a grant; undefined where there is none of this id. Rejects where the kernel refuses.
   * @param left some were refused: `again` is to be called soon.
   */
  constructor(close: (id: string) => Promise<Grant | undefined>, left: () => void = () => {}) {
    this.#close = close;
    this.#left = left;
  }

  /** Ends these grants, and those that were refused before. Resolves to what was ended, and why the rest was not. */
  async close(
    ids: readonly string[],
  ): Promise<{ readonly ended: Grant[]; readonly refusals: readonly string[] }> {
    for (const id of ids) this.#ids.add(id);
    const outcome = await this.#closeAll();
    if (outcome.refusals.length > 0) this.#left();
    return outcome;
  }

  /** Whoever has opened the door since, by a key that counts, keeps the grant. */
  hear(event: DaemonEvent): void {
    if (event.type === "grant.opened") this.#ids.delete(event.grant.id);
  }

  /** Tries again. Resolves to whether some are left; does not reject. */
  async again(): Promise<boolean> {
    await this.#closeAll();
    return this.#ids.size > 0;
  }

  async #closeAll(): Promise<{ readonly ended: Grant[]; readonly refusals: readonly string[] }> {
    const ended: Grant[] = [];
    const refusals: string[] = [];
    for (const id of [...this.#ids]) {
      // Opened by a key that counts while another one was being closed.
      if (!this.#ids.has(id)) continue;
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
}
