/** One slot of one knock space: every device's sequence, found by port. */

import { sequencePorts } from "../rks/sequence.ts";
import type { KnockSpace } from "../rks/space.ts";
import type { RotatingSubject } from "./subject.ts";

/** What one unit of `build`, a derivation of a microsecond, is worth in other work. */
const OFFSETS_PER_UNIT = 512;
const FILLS_PER_UNIT = 8;

/**
 * Built piece by piece, so that ten thousand devices do not hold up a packet; readable once `ready`.
 * The sequences of subject `i` are `ports[i * n … i * n + n)`. Those that contain port `lo + p` belong
 * to the subjects `holders[offsets[p] … offsets[p + 1])`.
 */
export class Page {
  readonly slot: number;
  readonly ports: Uint16Array;
  readonly offsets: Uint32Array;
  readonly holders: Uint32Array;
  ready = false;

  readonly #space: KnockSpace;
  readonly #subjects: readonly RotatingSubject[];
  #derived = 0;
  #summed = 0;
  #filled = 0;

  constructor(slot: number, space: KnockSpace, subjects: readonly RotatingSubject[]) {
    this.slot = slot;
    this.#space = space;
    this.#subjects = subjects;
    this.ports = new Uint16Array(subjects.length * space.ports);
    // One place more than readers see: while filling, offsets[p + 1] is where the next holder of p goes.
    this.offsets = new Uint32Array(space.hi - space.lo + 3);
    this.holders = new Uint32Array(this.ports.length);
  }

  /** Does at most about `units` of the work that is left, and answers how many units remain unspent. */
  build(units: number): number {
    let left = units;
    for (; left > 0 && this.#derived < this.#subjects.length; left--) this.#derive();
    for (; left > 0 && this.#summed < this.offsets.length; left--) this.#sum();
    for (; left > 0 && this.#filled < this.#subjects.length; left--) this.#fill();
    this.ready = this.#filled === this.#subjects.length && this.#summed === this.offsets.length;
    return left;
  }

  #derive(): void {
    const index = this.#derived++;
    const { key, door } = this.#subjects[index]!;
    const ports = sequencePorts(key, door, this.#space, this.slot);
    this.ports.set(ports, index * ports.length);
    for (const port of ports) this.offsets[port - this.#space.lo + 2]! += 1;
  }

  #sum(): void {
    const offsets = this.offsets;
    const end = Math.min(this.#summed + OFFSETS_PER_UNIT, offsets.length);
    for (let i = Math.max(1, this.#summed); i < end; i++) offsets[i]! += offsets[i - 1]!;
    this.#summed = end;
  }

  #fill(): void {
    const { ports: n, lo } = this.#space;
    const end = Math.min(this.#filled + FILLS_PER_UNIT, this.#subjects.length);
    for (let at = this.#filled * n; at < end * n; at++) {
      this.holders[this.offsets[this.ports[at]! - lo + 1]!++] = Math.floor(at / n);
    }
    this.#filled = end;
  }
}
