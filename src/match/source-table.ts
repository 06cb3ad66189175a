/**
 * The sources remembered now: a table of fixed size that forgets the source that was silent for
 * longest.
 */

import type { Family } from "../core/address.ts";
import { AddressIndex } from "./address-index.ts";
import { AgeLists } from "./age-lists.ts";

/** How many sources a table may hold. */
export interface SourceLimits {
  /** Of each address family. */
  readonly capacity: number;
  /** Of one IPv6 /64. */
  readonly perPrefix64: number;
}

/**
 * Gives the sources of one family numbers (`id`, 0 to `capacity − 1`); other parts keep their
 * knowledge of a source under its number. A source is an address and a 16-bit `tag` (0 where the
 * table serves one purpose).
 *
 * When the table is full, the source that was silent for longest makes room. One IPv6 /64, which
 * any host has for itself, holds at most `perPrefix64` sources: the oldest of that /64 goes first,
 * so that a flood from one network cannot push the others out. IPv4 sources have no such quota.
 */
export class SourceTable {
  readonly family: Family;
  readonly capacity: number;
  /** Sources in the table now. */
  size = 0;
  /** Sources forgotten to make room since the start. */
  evicted = 0;

  readonly #quota: number;
  readonly #index: AddressIndex;
  readonly #ages: AgeLists;
  readonly #free: Int32Array;
  #freed = 0;
  #fresh = 0;
  readonly #prefixes: PrefixQuota | undefined;

  constructor(family: Family, { capacity, perPrefix64 }: SourceLimits) {
    this.family = family;
    this.capacity = capacity;
    this.#quota = perPrefix64;
    this.#index = new AddressIndex(capacity);
    this.#ages = new AgeLists(capacity, 1);
    this.#free = new Int32Array(capacity);
    this.#prefixes = family === 6 ? new PrefixQuota(capacity) : undefined;
  }

  /** Bytes that a source takes here when the table is full. */
  static bytesPerSource(family: Family): number {
    const own = AddressIndex.BYTES_PER_KEY + AgeLists.BYTES_PER_ID + 4;
    return family === 4 ? own : 2 * own + AgeLists.BYTES_PER_LIST + 8;
  }

  /** The id of a source, or −1. */
  find(a0: number, a1: number, a2: number, a3: number, tag: number): number {
    if (this.size === 0) return -1;
    return this.#index.find(this.#index.hash(a0, a1, a2, a3, tag), a0, a1, a2, a3, tag);
  }

  /** The source that was silent for longest, or −1. */
  oldest(): number {
    return this.#ages.oldest(0);
  }

  /** Marks a source in the table as the one heard last. */
  renew(id: number): void {
    this.#ages.renew(0, id);
    this.#prefixes?.renew(id);
  }

  /**
   * Enters a source that is not in the table. Returns its id, which another source may have had
   * until now.
   */
  admit(a0: number, a1: number, a2: number, a3: number, tag: number): number {
    const crowded = this.#prefixes?.crowdedOut(a0, a1, this.#quota) ?? -1;
    if (crowded >= 0) this.#evict(crowded);
    else if (this.size === this.capacity) this.#evict(this.#ages.oldest(0));
    const id = this.#freed > 0 ? this.#free[--this.#freed]! : this.#fresh++;
    this.#index.insert(id, this.#index.hash(a0, a1, a2, a3, tag), a0, a1, a2, a3, tag);
    this.#ages.append(0, id);
    this.#prefixes?.add(id, a0, a1);
    this.size++;
    return id;
  }

  /** Forgets a source in the table. */
  remove(id: number): void {
    this.#index.remove(id);
    this.#ages.remove(0, id);
    this.#prefixes?.remove(id);
    this.#free[this.#freed++] = id;
    this.size--;
  }

  #evict(id: number): void {
    this.remove(id);
    this.evicted++;
  }
}

/** The sources that belong to each /64, oldest first. */
class PrefixQuota {
  readonly #index: AddressIndex;
  readonly #members: AgeLists;
  readonly #prefixOf: Int32Array;
  readonly #count: Int32Array;
  readonly #free: Int32Array;
  #freed = 0;
  #fresh = 0;

  constructor(capacity: number) {
    this.#index = new AddressIndex(capacity);
    this.#members = new AgeLists(capacity, capacity);
    this.#prefixOf = new Int32Array(capacity);
    this.#count = new Int32Array(capacity);
    this.#free = new Int32Array(capacity);
  }

  /** The source that must leave before another of this /64 may come, or −1. */
  crowdedOut(a0: number, a1: number, quota: number): number {
    const prefix = this.#find(a0, a1);
    return prefix >= 0 && this.#count[prefix]! >= quota ? this.#members.oldest(prefix) : -1;
  }

  add(id: number, a0: number, a1: number): void {
    let prefix = this.#find(a0, a1);
    if (prefix < 0) {
      prefix = this.#freed > 0 ? this.#free[--this.#freed]! : this.#fresh++;
      this.#index.insert(prefix, this.#index.hash(a0, a1, 0, 0, 0), a0, a1, 0, 0, 0);
    }
    this.#prefixOf[id] = prefix;
    this.#count[prefix]! += 1;
    this.#members.append(prefix, id);
  }

  remove(id: number): void {
    const prefix = this.#prefixOf[id]!;
    this.#members.remove(prefix, id);
    this.#count[prefix]! -= 1;
    if (this.#count[prefix] === 0) {
      this.#index.remove(prefix);
      this.#free[this.#freed++] = prefix;
    }
  }

  renew(id: number): void {
    this.#members.renew(this.#prefixOf[id]!, id);
  }

  #find(a0: number, a1: number): number {
    return this.#index.find(this.#index.hash(a0, a1, 0, 0, 0), a0, a1, 0, 0, 0);
  }
}
