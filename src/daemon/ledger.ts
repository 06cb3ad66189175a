/** The grants that live now, as the data plane knows them; the kernel ends them, this only tells when. */

import type { Grant } from "../core/grant.ts";

interface Entry {
  grant: Grant;
  /** Monotonic milliseconds, because the kernel's timeouts do not move when the wall clock is set. */
  endsMs: number;
  /** Counts up with every grant entered: where a listing goes on. */
  readonly number: number;
  /** Its place in the heap. */
  at: number;
}

/** Some of all grants. */
export interface LedgerPage {
  readonly grants: Grant[];
  /** Where the next page begins; absent at the end. */
  readonly next?: number;
}

/**
 * Takes monotonic `nowMs`; the wall-clock times of a grant are made anew when it is listed. A change
 * costs the logarithm of the number of grants; the next end is at hand.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #perDoor = new Map<string, number>();
  /** A binary heap: nothing ends before what is at half its place. */
  readonly #heap: Entry[] = [];
  #entered = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** No grant ends before this, in monotonic milliseconds; Infinity without grants. */
  get nextEndMs(): number {
    return this.#heap[0]?.endsMs ?? Infinity;
  }

  /** Enters a grant that ends `lifeMs` from now; a longer remaining life of the same grant is kept. */
  open(grant: Grant, lifeMs: number, nowMs: number): { grant: Grant; renewed: boolean } {
    const before = this.#entries.get(grant.id);
    const endsMs = Math.max(nowMs + lifeMs, before?.endsMs ?? 0);
    const wallMs = grant.expiresMs - lifeMs;
    const entered: Grant = {
      ...grant,
      openedMs: before?.grant.openedMs ?? grant.openedMs,
      expiresMs: Math.round(wallMs + endsMs - nowMs),
    };
    if (before !== undefined) {
      before.grant = entered;
      this.#move(before, endsMs);
      return { grant: entered, renewed: true };
    }
    const entry = { grant: entered, endsMs, number: ++this.#entered, at: this.#heap.length };
    this.#entries.set(grant.id, entry);
    this.#perDoor.set(grant.door, this.count(grant.door) + 1);
    this.#heap.push(entry);
    this.#rise(entry);
    return { grant: entered, renewed: false };
  }

  /** Sets the end of a grant that the kernel renewed, or ended early, by itself. */
  setLife(id: string, lifeMs: number, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#move(entry, nowMs + lifeMs);
  }

  get(id: string): Grant | undefined {
    return this.#entries.get(id)?.grant;
  }

  /** As `list`, of one grant. */
  living(id: string, nowMs: number, wallMs: number): Grant | undefined {
    const entry = this.#entries.get(id);
    return entry && seenNow(entry, nowMs, wallMs);
  }

  close(id: string): Grant | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#perDoor.set(entry.grant.door, this.count(entry.grant.door) - 1);
    const last = this.#heap.pop()!;
    if (last !== entry) {
      this.#place(last, entry.at);
      this.#rise(last);
      this.#sink(last);
    }
    return entry.grant;
  }

  /**
   * Grants whose time is over, at most `most` of them, the first to end among them; they stay until
   * `close` or `setLife` is called for each.
   */
  due(nowMs: number, most = Infinity): Grant[] {
    const over: Grant[] = [];
    // What ends later than another stands below it, so only ends that are due are walked over.
    const waiting = [0];
    for (const at of waiting) {
      const entry = this.#heap[at];
      if (entry === undefined || entry.endsMs > nowMs) continue;
      over.push(entry.grant);
      if (over.length >= most) break;
      waiting.push(2 * at + 1, 2 * at + 2);
    }
    return over;
  }

  /** How many grants a door has. */
  count(door: string): number {
    return this.#perDoor.get(door) ?? 0;
  }

  /** All grants, oldest first, their ends told by the wall clock of now. */
  list(nowMs: number, wallMs: number): Grant[] {
    return Array.from(this.#entries.values(), (entry) => seenNow(entry, nowMs, wallMs));
  }

  /** As `list`, but only the `most` first after a page that ended at `after`, 0 to begin with. */
  page(nowMs: number, wallMs: number, after: number, most: number): LedgerPage {
    const grants: Grant[] = [];
    let last = after;
    for (const entry of this.#entries.values()) {
      if (entry.number <= after) continue;
      if (grants.length === most) return { grants, next: last };
      grants.push(seenNow(entry, nowMs, wallMs));
      last = entry.number;
    }
    return { grants };
  }

  #move(entry: Entry, endsMs: number): void {
    entry.endsMs = endsMs;
    this.#rise(entry);
    this.#sink(entry);
  }

  #rise(entry: Entry): void {
    while (entry.at > 0) {
      const above = this.#heap[(entry.at - 1) >> 1]!;
      if (above.endsMs <= entry.endsMs) return;
      this.#swap(entry, above);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.at + 1];
      const right = this.#heap[2 * entry.at + 2];
      const below = right !== undefined && right.endsMs < left!.endsMs ? right : left;
      if (below === undefined || below.endsMs >= entry.endsMs) return;
      this.#swap(entry, below);
    }
  }

  #swap(one: Entry, other: Entry): void {
    const { at } = one;
    this.#place(one, other.at);
    this.#place(other, at);
  }

  #place(entry: Entry, at: number): void {
    this.#heap[at] = entry;
    entry.at = at;
  }
}

function seenNow({ grant, endsMs }: Entry, nowMs: number, wallMs: number): Grant {
  return { ...grant, expiresMs: Math.round(wallMs + Math.max(0, endsMs - nowMs)) };
}
