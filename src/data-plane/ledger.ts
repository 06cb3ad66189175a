/**
 * The living grants, as the data plane knows them; the kernel ends them, the ledger only knows
 * when.
 */

import { formatPrefix, maskAddress, parsePrefix } from "../core/address.ts";
import type { Grant } from "../core/grant.ts";
import { Groups } from "./groups.ts";

/** A grant with its remaining times, in milliseconds. */
export interface Remaining {
  readonly grant: Grant;
  readonly lifeMs: number;
  /** "idle" only: how much longer traffic renews it; negative: for how long it no longer has. */
  readonly capMs: number;
}

interface Entry {
  grant: Grant;
  /** Monotonic milliseconds, because the kernel's timeouts do not move when the wall clock is set. */
  endsMs: number;
  /** "idle" only, else 0: no renewal after this time. */
  capEndsMs: number;
  /** Counts up with every grant entered: listings continue by it. */
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
 * Takes monotonic `nowMs`; a listing computes the wall-clock times of a grant anew. A change costs
 * the logarithm of the number of grants; the next end is at hand.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #perDoor = new Map<string, number>();
  /** By the text of a grant's address */
  readonly #atAddress = new Groups<Entry>();
  /** IPv6 only: by the text of the /64 around it */
  readonly #inNetwork = new Groups<Entry>();
  readonly #once = new Set<Entry>();
  /** A binary heap: no entry ends before the one at half its place. */
  readonly #heap: Entry[] = [];
  #entered = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** The number of grants for one connection. */
  get onceSize(): number {
    return this.#once.size;
  }

  /** No grant ends before this, in monotonic milliseconds; Infinity without grants. */
  get nextEndMs(): number {
    return this.#heap[0]?.endsMs ?? Infinity;
  }

  /**
   * Enters a grant that ends in `lifeMs`; an "idle" one is renewed for at most `capMs`. A longer
   * remaining life of the same grant is kept, unless its terms have changed.
   */
  open(grant: Grant, lifeMs: number, nowMs: number, capMs = 0): { grant: Grant; renewed: boolean } {
    const before = this.#entries.get(grant.id);
    const kept = before !== undefined && sameTerms(before.grant, grant) ? before : undefined;
    const endsMs = Math.max(nowMs + lifeMs, kept?.endsMs ?? 0);
    const capEndsMs = grant.kind === "idle" ? Math.max(nowMs + capMs, kept?.capEndsMs ?? 0) : 0;
    const wallMs = grant.expiresMs - lifeMs;
    const entered: Grant = {
      ...grant,
      openedMs: before?.grant.openedMs ?? grant.openedMs,
      expiresMs: Math.round(wallMs + endsMs - nowMs),
    };
    if (before !== undefined) {
      before.grant = entered;
      before.capEndsMs = capEndsMs;
      if (grant.kind === "once") this.#once.add(before);
      else this.#once.delete(before);
      this.#move(before, endsMs);
      return { grant: entered, renewed: true };
    }
    const at = this.#heap.length;
    const entry = { grant: entered, endsMs, capEndsMs, number: ++this.#entered, at };
    this.#entries.set(grant.id, entry);
    this.#perDoor.set(grant.door, this.count(grant.door) + 1);
    this.#atAddress.add(grant.address, entry);
    const network = networkOf(grant.address);
    if (network !== undefined) this.#inNetwork.add(network, entry);
    if (grant.kind === "once") this.#once.add(entry);
    this.#heap.push(entry);
    this.#rise(entry);
    return { grant: entered, renewed: false };
  }

  /** Sets the end of a grant that the kernel renewed or ended early by itself. */
  setLife(id: string, lifeMs: number, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#move(entry, nowMs + lifeMs);
  }

  get(id: string): Grant | undefined {
    return this.#entries.get(id)?.grant;
  }

  /** Whether anybody has a grant of this very address, or /64. */
  holds(address: string): boolean {
    return this.#atAddress.has(address);
  }

  /** The grants of this very address, or /64, oldest first. */
  at(address: string, nowMs: number): Remaining[] {
    return remaining(this.#atAddress.of(address), nowMs);
  }

  /**
   * The grants that touch an address or /64: of the address itself, of the /64 around it,
   * of addresses in that where it is one.
   */
  touching(address: string, nowMs: number): Remaining[] {
    const network = networkOf(address);
    if (network === undefined) return this.at(address, nowMs);
    return remaining(this.#inNetwork.of(network), nowMs).filter(
      ({ grant }) => address === network || grant.address === address || grant.address === network,
    );
  }

  /**
   * Grants for one connection, at most `most` of them; those not returned for longest come first.
   */
  once(nowMs: number, most = Infinity): Remaining[] {
    const some = new Set<Entry>();
    for (const entry of this.#once) {
      if (some.size >= most) break;
      some.add(entry);
    }
    for (const entry of some) {
      this.#once.delete(entry);
      this.#once.add(entry);
    }
    return remaining(some, nowMs);
  }

  /** Like `list`, for one grant. */
  living(id: string, nowMs: number, wallMs: number): Grant | undefined {
    const entry = this.#entries.get(id);
    return entry && seenNow(entry, nowMs, wallMs);
  }

  close(id: string): Grant | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#perDoor.set(entry.grant.door, this.count(entry.grant.door) - 1);
    this.#atAddress.take(entry.grant.address, entry);
    const network = networkOf(entry.grant.address);
    if (network !== undefined) this.#inNetwork.take(network, entry);
    this.#once.delete(entry);
    const last = this.#heap.pop()!;
    if (last !== entry) {
      this.#place(last, entry.at);
      this.#rise(last);
      this.#sink(last);
    }
    return entry.grant;
  }

  /**
   * Grants whose time is over, at most `most` of them, including the first to end. They stay until
   * `close` or `setLife` is called for each.
   */
  due(nowMs: number, most = Infinity): Grant[] {
    const over: Grant[] = [];
    // An entry is above all that end later, so only due entries are visited.
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

  /** The number of a door's grants. */
  count(door: string): number {
    return this.#perDoor.get(door) ?? 0;
  }

  /** All grants, oldest first; their ends are computed from the present wall clock. */
  list(nowMs: number, wallMs: number): Grant[] {
    return Array.from(this.#entries.values(), (entry) => seenNow(entry, nowMs, wallMs));
  }

  /**
   * Like `list`, but only the first `most` after a page that ended at `after`, 0 for the first
   * page.
   */
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

type Terms = Pick<Grant, "kind" | "idleMs" | "ports">;

/** Whether two grants with one id end alike and open the same. */
export function sameTerms(a: Terms, b: Terms): boolean {
  return (
    a.kind === b.kind &&
    a.idleMs === b.idleMs &&
    a.ports.length === b.ports.length &&
    a.ports.every(({ proto, from, to }, i) => {
      const other = b.ports[i]!;
      return other.proto === proto && other.from === from && other.to === to;
    })
  );
}

/** The /64 of an IPv6 address or /64; undefined for IPv4, which has no networks of grants. */
function networkOf(address: string): string | undefined {
  if (!address.includes(":")) return undefined;
  const prefix = parsePrefix(address);
  if (prefix === undefined) return undefined;
  return formatPrefix({ address: maskAddress(prefix.address, 64), bits: 64 });
}

function remaining(entries: Iterable<Entry>, nowMs: number): Remaining[] {
  return Array.from(entries, ({ grant, endsMs, capEndsMs }) => ({
    grant,
    lifeMs: endsMs - nowMs,
    capMs: capEndsMs - nowMs,
  }));
}

function seenNow({ grant, endsMs }: Entry, nowMs: number, wallMs: number): Grant {
  return { ...grant, expiresMs: Math.round(wallMs + Math.max(0, endsMs - nowMs)) };
}
