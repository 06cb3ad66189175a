/**
 * Requests of the other parts to the data plane. Until it has begun, they are refused in a
 * sentence.
 */

import { SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import type { LedgerPage } from "../data-plane/ledger.ts";
import type { Reply } from "../data-plane/messages.ts";
import { packPlan, type Plan } from "../data-plane/plan.ts";
import type { KnownUse } from "../match/subject.ts";
import type { DataPlaneLink } from "./data-plane-link.ts";

/** Grants that the data plane lists at a time: about 0.3 ms of its work. */
const LISTED_AT_ONCE = 128;

export class DataPlaneAccess {
  readonly #link: DataPlaneLink;
  #hasBegun = false;

  constructor(link: DataPlaneLink) {
    this.#link = link;
  }

  /**
   * Doors open from now on, except by the uses that `uses` spent. Returns how many grants the
   * kernel had kept, and which other uses. `living` resolves with all living grants, as they are
   * after events that come meanwhile, and rejects where the data plane ends; nobody has to await it.
   */
  async begin(
    uses: readonly KnownUse[],
  ): Promise<Reply<"begin"> & { readonly living: Promise<readonly Grant[]> }> {
    const begun = this.#link.ask({ type: "begin", uses });
    // In one breath, since the data plane warms up as soon as no request waits.
    const living = listFrom(this.#link);
    living.catch(() => {}); // where it did not begin, or its caller has failed
    const kept = await begun;
    this.#hasBegun = true;
    return { ...kept, living };
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The line to the data plane, for an operation such as "open a door"; throws SallyportError before `begin`. */
  to(operation: string): DataPlaneLink {
    if (this.#hasBegun) return this.#link;
    throw new SallyportError(`Cannot ${operation}: the daemon is starting: try again in a moment`);
  }

  /** Makes the data plane work by this plan; rejects when it still works by its old one. */
  async configure(plan: Plan): Promise<void> {
    await this.to("reload").ask({ type: "configure", plan: packPlan(plan) });
  }

  /** All living grants, oldest first. */
  async grants(): Promise<readonly Grant[]> {
    return await listFrom(this.to("list grants"));
  }

  async close(id: string): Promise<Grant | undefined> {
    return await this.to("close a grant").ask({ type: "close", id });
  }

  /** Whether the data plane replies; the watchdog of a service needs this. */
  async answers(): Promise<boolean> {
    try {
      await this.to("answer").ask({ type: "ping" });
      return true;
    } catch {
      return false;
    }
  }
}

async function listFrom(link: DataPlaneLink): Promise<readonly Grant[]> {
  const all: Grant[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: LedgerPage = await link.ask({ type: "grants", after, most: LISTED_AT_ONCE });
    all.push(...page.grants);
    after = page.next;
  }
  return all;
}
