/**
 * Opens doors once the guard is loaded. Before `begin` no door can be opened, so nothing is spent
 * either.
 */

import type { Address } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import { TableEvents } from "../firewall/events.ts";
import { KernelGrants } from "../firewall/grants.ts";
import type { FixedMatch, KnownUse, MatchSink, RotatingMatch } from "../match/subject.ts";
import type { Polled } from "../native/poll-set.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import type { EchoWatch } from "./echo-watch.ts";
import type { Hearing } from "./hearing.ts";
import { Ledger, type LedgerPage } from "./ledger.ts";
import type { Reply } from "./messages.ts";
import { rememberUses, restoreGrants, restoreUses } from "./restore-from-kernel.ts";
import { type TableChanges, TableWatch } from "./table-watch.ts";
import { Warmth } from "./warmth.ts";

export interface OpeningParts {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly poll: Polled;
  readonly echoes: EchoWatch;
  readonly link: Pick<ControlPlaneLink, "tell" | "emit">;
  /** Default: the kernel that runs. */
  readonly kernel?: OpeningKernel;
}

/** The kernel as the opening of doors needs it. Each call opens sockets of the calling thread. */
export interface OpeningKernel {
  grants(): KernelGrants;
  events(): TableChanges;
}

const RUNNING_KERNEL: OpeningKernel = {
  grants: () => KernelGrants.open(),
  events: () => new TableEvents(),
};

/** Some of many: those after a page that ended at `after`, 0 for the first page. */
export interface Some {
  readonly after: number;
  readonly most: number;
}

type Heard = Pick<Hearing, "plan" | "matcher">;

export class Opening implements MatchSink, Disposable {
  readonly ledger = new Ledger();
  readonly #parts: OpeningParts;
  #firewall: KernelGrants | undefined;
  #tableWatch: TableWatch | undefined;
  #doorkeeper: Doorkeeper | undefined;
  #warmth: Warmth | undefined;

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  /** Undefined before `begin`. */
  get doorkeeper(): Doorkeeper | undefined {
    return this.#doorkeeper;
  }

  /** Undefined before `begin`. */
  get warmth(): Warmth | undefined {
    return this.#warmth;
  }

  /** For a request; throws before `begin`. */
  get begun(): Doorkeeper {
    if (this.#doorkeeper === undefined) throw beforeBegin();
    return this.#doorkeeper;
  }

  /** The uses that the kernel remembers; empty before `begin`. */
  kernelUses(): readonly Uint8Array[] {
    return this.#firewall?.uses() ?? [];
  }

  /**
   * Restores uses and living grants from the kernel. Returns the uses that were not among `uses`,
   * and how many grants. Throws OpError.
   */
  begin({ plan, matcher }: Heard, uses: readonly KnownUse[]): Reply<"begin"> {
    const { clock, counters, poll, link, kernel = RUNNING_KERNEL } = this.#parts;
    for (const use of uses) matcher.markUsed(use);
    const firewall = kernel.grants();
    this.#firewall = firewall;
    this.#tableWatch = new TableWatch(kernel.events(), firewall.portId, poll, link);
    const learnt = restoreUses(matcher, plan.rotating, firewall.uses(), clock.wallMs());
    const elements = firewall.listOwned();
    const { shared, replaced } = restoreGrants(this.ledger, elements, clock, plan.doors);
    const living = this.ledger.list(clock.monotonicMs(), clock.wallMs());
    for (const grant of living) {
      link.emit({ type: "grant.restored", atMs: clock.wallMs(), grant });
    }
    counters.set("grantsLive", this.ledger.size);
    this.#doorkeeper = new Doorkeeper(plan.doors, {
      firewall,
      ledger: this.ledger,
      counters,
      clock,
      emit: (event) => link.emit(event),
    });
    for (const grant of replaced) this.#doorkeeper.ends.leave(grant);
    this.#doorkeeper.ends.tidy(shared);
    this.#warmth = new Warmth(firewall, clock, link);
    return { restored: living.length, uses: learnt };
  }

  /** Notes changes that another program made to our table. */
  watchTable(): void {
    if (this.#doorkeeper !== undefined) this.#tableWatch?.look(this.#doorkeeper.traffic);
  }

  /** A page of the living grants, looked up in the kernel: packets may have moved an end, or spent a grant. */
  grants({ after, most }: Some): LedgerPage {
    const { clock } = this.#parts;
    const page = () => this.ledger.page(clock.monotonicMs(), clock.wallMs(), after, most);
    this.#doorkeeper?.traffic.refresh(page().grants);
    return page();
  }

  /**
   * Tells the kernel some of the uses that it must know. Returns where to continue, if anywhere.
   */
  remember({ plan, matcher }: Heard, some: Some): { readonly next?: number } {
    if (this.#firewall === undefined) throw beforeBegin();
    const nowMs = this.#parts.clock.wallMs();
    const next = rememberUses(this.#firewall, matcher, plan.rotating, nowMs, some);
    return next === undefined ? {} : { next };
  }

  rotating(match: RotatingMatch): "spent" | "kept" {
    const verdict = this.#doorkeeper?.rotating(match) ?? "kept";
    const { echoes, clock } = this.#parts;
    if (verdict === "spent") echoes.expect(match, clock.monotonicMs());
    return verdict;
  }

  fixed(match: FixedMatch): void {
    this.#doorkeeper?.fixed(match);
  }

  repeated(match: RotatingMatch): void {
    this.#doorkeeper?.repeated(match);
  }

  reused(match: RotatingMatch, first: Address, firstMs: number): void {
    this.#doorkeeper?.reused(match, first, firstMs);
  }

  [Symbol.dispose](): void {
    this.#tableWatch?.[Symbol.dispose]();
    this.#firewall?.[Symbol.dispose]();
  }
}

function beforeBegin(): Error {
  return new Error("the data plane was asked before it began");
}
