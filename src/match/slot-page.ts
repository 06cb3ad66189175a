/** One slot of one knock space: the sequences of all devices, found by port. */

import { KEY_BYTES } from "../rks/key.ts";
import { keyAt, type SubjectGroup } from "./subject-table.ts";

/** How much other work equals one unit of `build`, a derivation of a third of a microsecond. */
const OFFSETS_PER_UNIT = 256;
const FILLS_PER_UNIT = 4;

/** The slot of a page that holds none. */
export const NO_SLOT = -1;

/**
 * Built piece by piece, so that a hundred thousand devices do not hold up a packet; readable once
 * `ready`. The sequences of subject `i` are `ports[i * n … i * n + n)`. Those that contain port
 * `lo + p` belong to the subjects `holders[offsets[p] … offsets[p + 1])`; beside each of them
 * stands in `companions` another port of its sequence, which rules out nearly all of them without a
 * look at `ports`.
 *
 * A page is used again for slot after slot. Fresh memory of this size would be zeroed and paged in
 * by the kernel in the time of a packet, and the old memory would wait for a collector.
 */
export class SlotPage {
  slot = NO_SLOT;
  readonly ports: Uint16Array;
  readonly offsets: Uint32Array;
  readonly holders: Uint32Array;
  readonly companions: Uint16Array;
  ready = false;

  readonly #group: SubjectGroup;
  #part = 0;
  #cleared = 0;
  #derived = 0;
  #summed = 0;
  #filled = 0;

  constructor(group: SubjectGroup) {
    const { ports, lo, hi } = group.space;
    this.#group = group;
    this.ports = new Uint16Array(group.length * ports);
    // One place more than readers see: during the filling, offsets[p + 1] is the place of the next
    // holder of p.
    this.offsets = new Uint32Array(hi - lo + 3);
    this.holders = new Uint32Array(this.ports.length);
    this.companions = new Uint16Array(this.ports.length);
  }

  /** Begins another slot; with `NO_SLOT` the page waits for one. */
  turnTo(slot: number): void {
    this.slot = slot;
    this.ready = false;
    this.#part = 0;
    this.#cleared = 0;
    this.#derived = 0;
    this.#summed = 0;
    this.#filled = 0;
  }

  /** Does at most about `units` of the remaining work. Returns how many units are left unspent. */
  build(units: number): number {
    const { length } = this.#group;
    let left = units;
    for (; left > 0 && this.#cleared < this.offsets.length; left--) this.#clear();
    for (; left > 0 && this.#derived < length; left--) this.#derive();
    for (; left > 0 && this.#summed < this.offsets.length; left--) this.#sum();
    for (; left > 0 && this.#filled < length; left--) this.#fill();
    this.ready = this.#filled === length && this.#summed === this.offsets.length;
    return left;
  }

  #clear(): void {
    const end = Math.min(this.#cleared + OFFSETS_PER_UNIT, this.offsets.length);
    this.offsets.fill(0, this.#cleared, end);
    this.#cleared = end;
  }

  #derive(): void {
    const { parts, keys, space } = this.#group;
    const index = this.#derived++;
    while (index >= parts[this.#part]!.first + parts[this.#part]!.count) this.#part++;
    const part = parts[this.#part]!;
    const at = index * space.ports;
    // Turned on every call, since pages of several slots share it.
    const deriver = this.#group.deriver(this.#part);
    deriver.turnTo(this.slot);
    deriver.derive(keys, keyAt(part, index - part.first), KEY_BYTES, this.ports, at);
    const firstOffset = 2 - space.lo;
    for (let i = at; i < at + space.ports; i++) this.offsets[this.ports[i]! + firstOffset]! += 1;
  }

  #sum(): void {
    const offsets = this.offsets;
    const end = Math.min(this.#summed + OFFSETS_PER_UNIT, offsets.length);
    for (let i = Math.max(1, this.#summed); i < end; i++) offsets[i]! += offsets[i - 1]!;
    this.#summed = end;
  }

  #fill(): void {
    const { ports: n, lo } = this.#group.space;
    const { ports, offsets, holders, companions } = this;
    const end = Math.min(this.#filled + FILLS_PER_UNIT, this.#group.length);
    for (let holder = this.#filled; holder < end; holder++) {
      const first = holder * n;
      let before = ports[first + n - 1]!;
      for (let at = first; at < first + n; at++) {
        const port = ports[at]!;
        const place = offsets[port - lo + 1]!++;
        holders[place] = holder;
        companions[place] = before;
        before = port;
      }
    }
    this.#filled = end;
  }
}
