/** The uses of complete sequences: which were spent, which the disk has, and which may count again. */

import { slotAt } from "../../src/rks/slot.ts";
import type { Agenda } from "./agenda.ts";
import { Violation } from "./violation.ts";

interface Sequence {
  readonly door: string;
  readonly keyId: string;
  readonly slot: number;
  readonly stepSeconds: number;
  readonly skew: number;
}

export class SpentUses {
  readonly #agenda: Agenda;
  readonly #broken: (violation: Violation) => void;
  /** Complete sequences by the name of their use. */
  readonly #sequences = new Map<string, Sequence>();
  readonly #spent = new Set<string>();
  /** Those of them that the disk may not have. */
  readonly #unkept = new Set<string>();
  /** Those that the disk has, whatever happens next. */
  readonly #kept = new Set<string>();
  /** Those that may have been lost before the disk had them. */
  readonly #lost = new Set<string>();
  readonly #lastUsed = new Map<string, number>();
  /** Slots up to this one must not open again. */
  readonly #refused = new Map<string, number>();
  /** When uses were lost, by the wall clock as it is now. */
  #lostMs = -Infinity;

  constructor(agenda: Agenda, broken: (violation: Violation) => void) {
    this.#agenda = agenda;
    this.#broken = broken;
  }

  /** The packets of this sequence have arrived. */
  complete(use: string, sequence: Sequence): void {
    this.#sequences.set(use, sequence);
  }

  /** The last slot of the key that must not open the door again; -1 for none. */
  lastRefused(door: string, keyId: string, stepSeconds: number): number {
    return this.#refused.get(`${door} ${keyId} ${stepSeconds}`) ?? -1;
  }

  /** The last slot of the key that opened the door. */
  lastUsed(door: string, keyId: string, stepSeconds: number): number {
    return this.#lastUsed.get(`${door} ${keyId} ${stepSeconds}`) ?? -1;
  }

  /** A daemon has had the time to write down every use. */
  keep(): void {
    for (const use of this.#unkept) {
      if (this.#lost.has(use)) continue;
      this.#unkept.delete(use);
      this.#kept.add(use);
    }
  }

  /**
   * What the disk did not have is gone, or only the kernel has it, which knows no slots: it must not count
   * again, but refuses no earlier slots.
   */
  lose(): void {
    for (const use of this.#unkept) this.#lost.add(use);
    this.#lostMs = this.#agenda.wallMs();
    this.#refuseAgain();
  }

  clockWasSet(): void {
    this.#lostMs = this.#agenda.wallMs();
  }

  /** The uses until now may count again, except for those that the disk has. */
  forgive(): void {
    for (const use of this.#unkept) this.#spent.delete(use);
    this.#unkept.clear();
    this.#refuseAgain();
  }

  /** The kernel takes the use: its packets came, and it does not count twice. */
  spend(use: string): void {
    const sequence = this.#sequences.get(use);
    if (sequence === undefined) {
      this.#broken(new Violation("no grant without a right knock", "a use that nobody knocked"));
      return;
    }
    const { door, keyId, slot, stepSeconds } = sequence;
    const name = `${door} ${keyId} ${stepSeconds}`;
    if (this.#spent.has(use) && !this.#mayComeAgain(use, sequence)) {
      const what = `slot ${slot} of ${keyId} at ${door}`;
      this.#broken(new Violation("no use counts twice", what));
    }
    this.#spent.add(use);
    if (!this.#kept.has(use)) this.#unkept.add(use);
    this.#lost.delete(use);
    this.#lastUsed.set(name, Math.max(slot, this.#lastUsed.get(name) ?? -1));
    this.#refuse(sequence);
  }

  /** Nobody remembers a lost use: once the clock goes back beyond the wait, its slot comes again. */
  #mayComeAgain(use: string, { slot, stepSeconds, skew }: Sequence): boolean {
    return this.#lost.has(use) && slot > slotAt(this.#lostMs, stepSeconds) + skew;
  }

  #refuseAgain(): void {
    this.#refused.clear();
    for (const use of this.#spent) {
      if (!this.#lost.has(use)) this.#refuse(this.#sequences.get(use)!);
    }
  }

  #refuse({ door, keyId, slot, stepSeconds }: Sequence): void {
    const name = `${door} ${keyId} ${stepSeconds}`;
    this.#refused.set(name, Math.max(slot, this.#refused.get(name) ?? -1));
  }
}
