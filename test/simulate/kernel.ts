/**
 * A kernel in memory: the sets of the table, whose elements end by themselves, and transactions that
 * happen whole or not at all. It knows nothing of grants; the real `KernelGrants` works on it.
 */

import { OpError } from "../../src/core/errors.ts";
import type { GuardedRange, GuardPlan } from "../../src/firewall/guard-plan.ts";
import type { Refusal } from "../../src/firewall/nft-socket.ts";
import { Errno } from "../../src/native/errno.ts";
import type { Agenda } from "./agenda.ts";
import { type Change, type Element, ElementSets, type SetTerms } from "./element-sets.ts";
import { type KernelFault, KernelFaults } from "./kernel-faults.ts";
import { KernelNotices, type Listener } from "./kernel-notices.ts";

/** A transaction that happened. */
export interface Committed {
  readonly changes: readonly Change[];
}

export class SimulatedKernel {
  readonly #agenda: Agenda;
  readonly #terms: SetTerms;
  /** Undefined: there is no table. */
  #sets: ElementSets | undefined;
  /** What somebody else added to the rules; undefined: there are none. */
  #rules: string | undefined;
  #plan: GuardPlan | undefined;
  #loadedMs = 0;
  #doubtUntilMs = -Infinity;
  /** Counts what was done to the table. */
  #changes = 0;
  readonly faults = new KernelFaults((fault) => this.faulted(fault));
  readonly notices: KernelNotices;
  /** So many transactions happened unheard. */
  unheard = 0;
  /** Whoever listens. */
  changed: Listener = () => {};
  /** One of the faults came true, or a set had no room for an element. */
  faulted: (fault: KernelFault | "a full set" | "lost notices") => void = () => {};
  /** A guard was loaded. */
  loaded: (plan: GuardPlan) => void = () => {};
  /** Sees every transaction before its sender does. */
  committed: (done: Committed) => void = () => {};

  constructor(agenda: Agenda, terms: SetTerms) {
    this.#agenda = agenda;
    this.#terms = terms;
    this.notices = new KernelNotices(agenda, () => this.faulted("lost notices"));
  }

  /** Nothing fails any more, and notices come at once. */
  mend(): void {
    this.faults.clear();
    this.notices.mend();
  }

  get hasTable(): boolean {
    return this.#sets !== undefined;
  }

  /** Whether a table stands that says nothing of forgotten uses. */
  get remembers(): boolean {
    return this.hasTable && this.#agenda.monotonicMs() >= this.#doubtUntilMs;
  }

  /** The living elements of a set; undefined where it does not exist. */
  living(set: string): Element[] | undefined {
    return this.#sets?.living(set);
  }

  find(set: string, key: string): Element | undefined {
    return this.#sets?.find(set, key);
  }

  /** Another number after each change to the table, and no other sign of one. */
  get changes(): number {
    return this.#changes;
  }

  /** When the first of the living elements ends; Infinity where there are none. */
  get nextEndMs(): number {
    return this.#sets?.nextEndMs ?? Infinity;
  }

  /** Frees the elements that are over, as the collector does in the long run. */
  collect(): void {
    this.#sets?.collect();
  }

  /** Ports that are guarded for a time stay so, since somebody loads the guard again and again. */
  loadedLater(byMs: number): void {
    this.#loadedMs += byMs;
  }

  setNames(): string[] {
    return this.#sets?.names() ?? [];
  }

  /** The packet path deletes an element. */
  spend(set: string, key: string): void {
    this.#changes++;
    this.#sets?.delete(set, key);
  }

  /** The rules and lists that are in force now, as a text; undefined where there are none. */
  get fingerprint(): string | undefined {
    if (this.#rules === undefined || this.#plan === undefined) return undefined;
    return JSON.stringify({ ...this.#plan, guarded: this.guardedRanges }) + this.#rules;
  }

  /** Whether nobody gets to the port without a grant. */
  isGuarded(port: number): boolean {
    return this.guardedRanges.some(({ from, to }) => from <= port && port <= to);
  }

  get guardedRanges(): GuardedRange[] {
    const ageMs = this.#agenda.monotonicMs() - this.#loadedMs;
    return (this.#plan?.guarded ?? []).filter(({ forMs = Infinity }) => ageMs < forMs);
  }

  /**
   * As `loadGuard`: sets of grants and uses stay, those of idle times that hold nothing go. Throws
   * where the kernel refuses; it then keeps what it had.
   */
  load(plan: GuardPlan): void {
    if (this.faults.refusesLoad()) throw refused();
    this.#changes++;
    this.#sets ??= new ElementSets(this.#agenda, this.#terms, () => this.faulted("a full set"));
    this.#sets.define([...plan.idleMs]);
    const { doubtMs, ...rules } = plan;
    this.#plan = rules;
    this.#rules = "";
    this.#doubtUntilMs = this.#agenda.monotonicMs() + (doubtMs ?? -Infinity);
    this.#loadedMs = this.#agenda.monotonicMs();
    this.loaded(plan);
    this.notices.send(this.changed, -1, false);
  }

  /** Another program flushes the rule set, or deletes the table. */
  flush(): void {
    this.#changes++;
    this.#sets = undefined;
    this.#rules = undefined;
    this.#plan = undefined;
    this.notices.send(this.changed, 0, true);
  }

  /** Another program changes a rule. */
  spoilRules(): void {
    this.#changes++;
    if (this.#rules !== undefined) this.#rules += " and a rule of somebody else";
    this.notices.send(this.changed, 0, false);
  }

  /**
   * Another program deletes the elements of some sets, or a single one of each; the notification may
   * be lost.
   */
  empty(which: (set: string) => boolean, unheard: boolean, single?: number): void {
    this.#changes++;
    const tookOnce = this.#sets?.empty(which, single) ?? false;
    if (!unheard) this.notices.send(this.changed, 0, tookOnce);
  }

  /** The machine starts anew. */
  reboot(): void {
    this.#changes++;
    this.#sets = undefined;
    this.#rules = undefined;
    this.#plan = undefined;
    this.mend();
    this.changed = () => {};
  }

  /** All changes or none. The kernel looks at every message, so there may be several refusals. */
  commit(changes: readonly Change[], origin: number): readonly Refusal[] {
    this.#agenda.tick();
    const lastAdded = changes.findLast(({ add }) => add !== undefined);
    const fault = this.faults.ofTransaction(lastAdded !== undefined);
    if (fault === "no memory") return [{ sequence: 0, code: Errno.ENOBUFS, text: "" }];
    const busy = fault === "a busy set" ? lastAdded : undefined;
    const refusals = this.#sets?.apply(changes, busy) ?? changes.map(withoutTable);
    if (refusals.length > 0) return refusals;
    if (changes.length > 0) this.#changes++;
    this.committed({ changes });
    const took = changes.some(({ set, add }) => add === undefined && set.startsWith("one"));
    this.notices.send(this.changed, origin, took);
    if (fault === "no reply") this.unheard++;
    return fault === "no reply" ? [{ sequence: 0, code: Errno.ENOBUFS, text: "" }] : [];
  }
}

function withoutTable({ sequence }: Change): Refusal {
  return { sequence, code: Errno.ENOENT, text: "" };
}

function refused(): OpError {
  const detail = "Cannot allocate memory";
  return new OpError({
    operation: "load",
    object: "the guard",
    code: Errno.ENOBUFS,
    detail,
    remedy: "",
  });
}
