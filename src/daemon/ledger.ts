/** The grants that live now, as the data plane knows them; the kernel ends them, this only tells when. */

import type { Grant } from "../core/grant.ts";

interface Entry {
  readonly grant: Grant;
  /** Monotonic milliseconds, because the kernel's timeouts do not move when the wall clock is set. */
  readonly endsMs: number;
}

/** Takes monotonic `nowMs`; the wall-clock times of a grant are made anew when it is listed. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #perDoor = new Map<string, number>();
  #nextEndMs = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  /** No grant ends before this, in monotonic milliseconds; Infinity without grants. */
  get nextEndMs(): number {
    return this.#nextEndMs;
  }

  /** Enters a grant that ends `lifeMs` from now; a longer remaining life of the same grant is kept. */
  open(grant: Grant, lifeMs: number, nowMs: number): { grant: Grant; renewed: boolean } {
    const before = this.#entries.get(grant.id);
    const endsMs = Math.max(nowMs + lifeMs, before?.endsMs ?? 0);
    const wallMs = grant.expiresMs - lifeMs;
    const entered: Grant = {
      ...grant,
      openedMs: before?.grant.openedMs ?? grant.openedMs,
      expiresMs: wallMs + endsMs - nowMs,
    };
    if (before === undefined) this.#perDoor.set(grant.door, this.count(grant.door) + 1);
    this.#put(entered, endsMs);
    return { grant: entered, renewed: before !== undefined };
  }

  /** Sets the end of a grant that the kernel renewed, or ended early, by itself. */
  setLife(id: string, lifeMs: number, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#put(entry.grant, nowMs + lifeMs);
  }

  get(id: string): Grant | undefined {
    return this.#entries.get(id)?.grant;
  }

  /** As `list`, of one grant. */
  living(id: string, nowMs: number, wallMs: number): Grant | undefined {
    const entry = this.#entries.get(id);
    return entry && { ...entry.grant, expiresMs: wallMs + Math.max(0, entry.endsMs - nowMs) };
  }

  close(id: string): Grant | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#perDoor.set(entry.grant.door, this.count(entry.grant.door) - 1);
    return entry.grant;
  }

  /** The grants whose time is over; they stay until `close` or `setLife` is called for each. */
  due(nowMs: number): Grant[] {
    if (nowMs < this.#nextEndMs) return [];
    const over: Grant[] = [];
    this.#nextEndMs = Infinity;
    for (const { grant, endsMs } of this.#entries.values()) {
      if (endsMs <= nowMs) over.push(grant);
      else this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
    }
    return over;
  }

  /** How many grants a door has. */
  count(door: string): number {
    return this.#perDoor.get(door) ?? 0;
  }

  /** All grants, oldest first, their ends told by the wall clock of now. */
  list(nowMs: number, wallMs: number): Grant[] {
    return [...this.#entries.keys()].map((id) => this.living(id, nowMs, wallMs)!);
  }

  #put(grant: Grant, endsMs: number): void {
    this.#entries.set(grant.id, { grant, endsMs });
    this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
  }
}
