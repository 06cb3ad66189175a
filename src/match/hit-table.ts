/**
 * The latest knocks of many sources of one address family, for explanation: fixed memory, a few
 * writes a knock.
 */

import type { Address, Family } from "../core/address.ts";
import type { Knock } from "../core/knock.ts";
import { AddressIndex } from "./address-index.ts";
import { AgeLists } from "./age-lists.ts";
import { tick } from "./recent-ports.ts";

/** One knock as an explanation needs it. */
export interface Hit {
  /** Unix milliseconds. */
  readonly timeMs: number;
  /** IANA protocol number. */
  readonly proto: number;
  readonly port: number;
}

export interface SourceHits {
  readonly source: Address;
  /** Oldest first. */
  readonly hits: readonly Hit[];
}

/** A source without its knocks. */
export interface HeardSource {
  readonly source: Address;
  /** How many of its knocks are kept. */
  readonly knocks: number;
  /** Its last knock, in Unix milliseconds. */
  readonly lastMs: number;
}

/**
 * Knocks kept of a source: more than a sequence with its slack by default, and eight tries of a
 * client.
 */
const HITS = 128;

/**
 * After a pause this long, the earlier knocks of a source belong to another story and are
 * forgotten.
 */
export const PAUSE_MS = 600_000;

/** First knocks that wait for a second one; a power of two. */
const WAITING = 16_384;
const WAITING_SHIFT = 32 - Math.log2(WAITING);

/**
 * Sources that may push out another in a second: a flood needs minutes until all others are
 * forgotten.
 */
const PUSHED_OUT_A_SECOND = 16;

/**
 * A source takes a place with its second knock on another port. Until then its first knock waits in
 * a bucket that the next comer takes over, so that a flood of forged sources, one packet each,
 * pushes nobody out. When the table is full, the source that was silent for longest gives its
 * place, at a bounded pace.
 */
export class HitTable {
  readonly family: Family;
  readonly capacity: number;
  /** Sources in the table now; all their ids are smaller numbers. */
  size = 0;
  /** Every source that knocked twice since this time (Unix milliseconds) is still in the table. */
  completeSinceMs = -Infinity;

  readonly #index: AddressIndex;
  readonly #ages: AgeLists;
  readonly #ports: Uint16Array;
  readonly #protos: Uint8Array;
  readonly #ticks: Uint32Array;
  /**
   * The place of a source's next knock, how many are kept, and how many came since `quiet` named
   * the source.
   */
  readonly #next: Uint8Array;
  readonly #count: Uint8Array;
  readonly #unnamed: Uint8Array;
  readonly #lastMs: Float64Array;

  readonly #waitingHash = new Uint32Array(WAITING);
  readonly #waitingPort = new Uint16Array(WAITING);
  readonly #waitingProto = new Uint8Array(WAITING);
  readonly #waitingMs = new Float64Array(WAITING);
  #second = 0;
  #pushedOut = 0;
  /** For `hitting`: the place of a port in its list, from 1 on; all 0 between two calls. */
  readonly #places = new Uint8Array(65_536);

  constructor(family: Family, capacity: number) {
    this.family = family;
    this.capacity = capacity;
    this.#index = new AddressIndex(capacity);
    this.#ages = new AgeLists(capacity, 1);
    this.#ports = new Uint16Array(capacity * HITS);
    this.#protos = new Uint8Array(capacity * HITS);
    this.#ticks = new Uint32Array(capacity * HITS);
    this.#next = new Uint8Array(capacity);
    this.#count = new Uint8Array(capacity);
    this.#unnamed = new Uint8Array(capacity);
    this.#lastMs = new Float64Array(capacity);
  }

  /** Takes one knock of this family; allocates nothing. */
  note(knock: Knock): void {
    const { s0, s1, s2, s3, port, proto, timeMs } = knock;
    const hash = this.#index.hash(s0, s1, s2, s3, 0);
    const id = this.#index.find(hash, s0, s1, s2, s3, 0);
    if (id >= 0) {
      this.#ages.renew(0, id);
      this.#append(id, port, proto, timeMs);
      return;
    }
    const waiting = hash >>> WAITING_SHIFT;
    const known = this.#waitingHash[waiting] === hash && this.#waitingProto[waiting] !== 0;
    // The same port again is mostly a retransmission, and tells nothing new.
    const again =
      known && this.#waitingPort[waiting] === port && this.#waitingProto[waiting] === proto;
    if (known && !again) {
      const admitted = this.#admit(hash, knock);
      if (admitted < 0) return;
      const firstMs = this.#waitingMs[waiting]!;
      this.#append(admitted, this.#waitingPort[waiting]!, this.#waitingProto[waiting]!, firstMs);
      this.#append(admitted, port, proto, timeMs);
      this.#waitingProto[waiting] = 0;
      return;
    }
    this.#waitingHash[waiting] = hash;
    this.#waitingPort[waiting] = port;
    this.#waitingProto[waiting] = proto;
    this.#waitingMs[waiting] = timeMs;
  }

  /** The knocks of a source, oldest first: all that are kept, or the single one that waits. */
  of({ a0, a1, a2, a3 }: Address): Hit[] {
    const hash = this.#index.hash(a0, a1, a2, a3, 0);
    const id = this.#index.find(hash, a0, a1, a2, a3, 0);
    if (id >= 0) return this.#read(id);
    const waiting = hash >>> WAITING_SHIFT;
    const proto = this.#waitingProto[waiting]!;
    if (proto === 0 || this.#waitingHash[waiting] !== hash) return [];
    return [{ timeMs: this.#waitingMs[waiting]!, proto, port: this.#waitingPort[waiting]! }];
  }

  /**
   * At most `most` sources that knocked `least` times or more since they were last returned here,
   * and not at all within `quietMs` before `nowMs`: each try is named once, when it is over.
   */
  quiet(nowMs: number, quietMs: number, least: number, most: number): SourceHits[] {
    const found: SourceHits[] = [];
    for (let id = 0; id < this.size && found.length < most; id++) {
      if (this.#unnamed[id]! < least || this.#lastMs[id]! > nowMs - quietMs) continue;
      this.#unnamed[id] = 0;
      found.push({ source: this.#index.addressOf(id, this.family), hits: this.#read(id) });
    }
    return found;
  }

  /** The sources that knocked twice, and last at `sinceMs` or later: the latest `most`, latest first. */
  latest(sinceMs: number, most: number): HeardSource[] {
    const ids: number[] = [];
    for (let id = 0; id < this.size; id++) if (this.#lastMs[id]! >= sinceMs) ids.push(id);
    return ids
      .sort((a, b) => this.#lastMs[b]! - this.#lastMs[a]!)
      .slice(0, most)
      .map((id) => ({
        source: this.#index.addressOf(id, this.family),
        knocks: this.#count[id]!,
        lastMs: this.#lastMs[id]!,
      }));
  }

  /**
   * Calls `each` with every source that hit `least` or more of the ports (at most 32) between two
   * times: with how many of them it hit, and with an upper bound of its distinct ports altogether.
   */
  hitting(
    wanted: { readonly ports: Uint16Array; readonly proto: number; readonly least: number },
    fromMs: number,
    toMs: number,
    each: (source: Address, heard: number, distinct: number) => void,
  ): void {
    const { ports, proto, least } = wanted;
    const places = this.#places;
    for (const [i, port] of ports.entries()) places[port] = i + 1;
    for (let id = 0; id < this.size; id++) {
      const count = this.#count[id]!;
      const lastMs = this.#lastMs[id]!;
      if (count < least || lastMs < fromMs) continue;
      const lastTick = tick(lastMs);
      let hit = 0;
      for (let at = id * HITS; at < id * HITS + count; at++) {
        const place = places[this.#ports[at]!]!;
        if (place === 0 || this.#protos[at] !== proto) continue;
        const timeMs = lastMs + ((this.#ticks[at]! - lastTick) | 0);
        if (timeMs >= fromMs && timeMs <= toMs) hit |= 1 << (place - 1);
      }
      const heard = bitsIn(hit);
      if (heard >= least) each(this.#index.addressOf(id, this.family), heard, count);
    }
    for (const port of ports) places[port] = 0;
  }

  #admit(hash: number, { s0, s1, s2, s3, timeMs }: Knock): number {
    let id = this.size;
    if (id < this.capacity) {
      this.size++;
    } else {
      const second = Math.floor(timeMs / 1_000);
      if (second !== this.#second) {
        this.#second = second;
        this.#pushedOut = 0;
      }
      if (this.#pushedOut >= PUSHED_OUT_A_SECOND) {
        this.completeSinceMs = timeMs;
        return -1;
      }
      this.#pushedOut++;
      id = this.#ages.oldest(0);
      this.completeSinceMs = Math.max(this.completeSinceMs, this.#lastMs[id]!);
      this.#ages.remove(0, id);
      this.#index.remove(id);
    }
    this.#index.insert(id, hash, s0, s1, s2, s3, 0);
    this.#ages.append(0, id);
    this.#count[id] = 0;
    this.#next[id] = 0;
    this.#unnamed[id] = 0;
    return id;
  }

  #append(id: number, port: number, proto: number, timeMs: number): void {
    if (Math.abs(timeMs - this.#lastMs[id]!) > PAUSE_MS) {
      this.#count[id] = 0;
      this.#next[id] = 0;
    }
    this.#lastMs[id] = timeMs;
    const base = id * HITS;
    const next = this.#next[id]!;
    const count = this.#count[id]!;
    const newest = base + (next === 0 ? HITS - 1 : next - 1);
    if (count > 0 && this.#ports[newest] === port && this.#protos[newest] === proto) {
      this.#ticks[newest] = tick(timeMs);
      return;
    }
    this.#ports[base + next] = port;
    this.#protos[base + next] = proto;
    this.#ticks[base + next] = tick(timeMs);
    this.#next[id] = next + 1 === HITS ? 0 : next + 1;
    if (count < HITS) this.#count[id] = count + 1;
    if (this.#unnamed[id]! < 255) this.#unnamed[id]!++;
  }

  #read(id: number): Hit[] {
    const count = this.#count[id]!;
    const oldest = this.#next[id]! - count + HITS;
    const lastMs = this.#lastMs[id]!;
    const lastTick = tick(lastMs);
    return Array.from({ length: count }, (_, i) => {
      const at = id * HITS + ((oldest + i) % HITS);
      const timeMs = lastMs + ((this.#ticks[at]! - lastTick) | 0);
      return { timeMs, proto: this.#protos[at]!, port: this.#ports[at]! };
    });
  }
}

function bitsIn(mask: number): number {
  let bits = 0;
  for (let left = mask; left !== 0; left &= left - 1) bits++;
  return bits;
}
