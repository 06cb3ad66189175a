/** Ends grants in the kernel without taking elements that another holder needs. */

import type { Clock } from "../core/clock.ts";
import type { CloseReason } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { closeRequest } from "./grant-request.ts";
import type { Ledger, Remaining } from "./ledger.ts";
import { sharersOf } from "./sharing.ts";
import { UnfinishedEnds } from "./unfinished-ends.ts";

export interface GrantEndsParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Called when a grant ended by itself. */
  readonly ended: (grant: Grant, reason: CloseReason) => void;
  /** The firewall refused a change. */
  readonly fault: (error: unknown) => void;
}

export class GrantEnds {
  readonly #parts: GrantEndsParts;
  /** Ids of idle grants whose elements had several holders: their records outlive them. */
  readonly #recorded = new Set<string>();
  readonly #unfinished = new UnfinishedEnds();

  constructor(parts: GrantEndsParts) {
    this.#parts = parts;
  }

  /**
   * Replaces a grant from before a reload: a holder who knocks again gets only the door's present
   * terms.
   */
  leave(grant: Grant): void {
    try {
      this.withdraw(grant, "keep", this.others(grant.address));
    } catch (error) {
      this.abandon(grant);
      this.#parts.fault(error);
    }
  }

  /** A grant that the kernel may have opened unheard, and that nobody was told of, is taken from it in a moment. */
  abandon(grant: Grant): void {
    this.#unfinished.add(grant, this.#parts.clock.monotonicMs());
  }

  /** When `finish` has something to do, in monotonic milliseconds. */
  get dueMs(): number {
    return this.#unfinished.dueMs;
  }

  /** Asks the kernel again to take what it kept, of at most `most` grants: the rest is due at once. */
  finish(most = Infinity): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#unfinished.tryAgain(nowMs, most, (grant) => this.#correct(grant));
  }

  /**
   * A grant ended by itself. Shared elements must name their remaining holders, and a record that stays would give the
   * grant back to a later daemon.
   */
  over(grant: Grant): void {
    const leaves = this.#recorded.has(grant.id) || this.shares(grant);
    this.#parts.ended(grant, "expired");
    if (leaves) this.leave(grant);
  }

  /** A grant was opened, or found in the kernel, beside others. */
  joined(grant: Grant): void {
    if (grant.kind !== "idle") return;
    const sharers = this.#sharers(grant);
    for (const { id } of sharers.length === 0 ? [] : [grant, ...sharers]) this.#recorded.add(id);
  }

  /** Takes the elements that only this grant needs from the kernel. */
  withdraw(
    grant: Grant,
    sessions: "end" | "keep",
    others = this.others(grant.address, grant.id),
  ): void {
    const { firewall, ledger, clock } = this.#parts;
    const { id, address } = grant;
    const held = ledger
      .touching(address, clock.monotonicMs())
      .filter((other) => other.grant.id !== id && other.lifeMs > 0);
    firewall.close(closeRequest(grant, sessions, others, held));
    // Not before: a grant whose closing is refused lives on, and its record with it.
    this.#recorded.delete(id);
  }

  /** Whether another living grant needs an element of this one. */
  shares(grant: Grant): boolean {
    return this.#sharers(grant).length > 0;
  }

  #sharers(grant: Grant): Grant[] {
    return sharersOf(grant, this.others(grant.address, grant.id));
  }

  /** Corrects the records that an earlier daemon left beside the elements of these grants. */
  tidy(ids: readonly string[]): void {
    for (const id of ids) {
      const grant = this.#parts.ledger.get(id);
      if (grant !== undefined) this.#correct(grant);
    }
  }

  /** Takes what this grant left in the kernel; whoever has one of the same id by now keeps it. */
  #correct(grant: Grant): void {
    this.leave(grant);
    const living = this.#parts.ledger.get(grant.id);
    if (living !== undefined) this.joined(living);
  }

  /** The living grants of an address, except for one. */
  others(address: string, id?: string): Remaining[] {
    const { ledger, clock } = this.#parts;
    return ledger
      .at(address, clock.monotonicMs())
      .filter(({ grant, lifeMs }) => grant.id !== id && lifeMs > 0);
  }
}
