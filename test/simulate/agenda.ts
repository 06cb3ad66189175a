/** Simulated time: what happens next, and at which moment. Nothing else moves the clock. */

import type { Clock } from "../../src/core/clock.ts";

interface Entry {
  atMs: number;
  readonly number: number;
  readonly work: () => void;
}

/** So long a look at the clock or a message to the kernel takes, in milliseconds. */
const TICK_MS = 0.01;

export class Agenda implements Clock {
  /** By time, then in the order of `at`: a binary heap. */
  readonly #heap: Entry[] = [];
  readonly #cancelled = new Set<number>();
  #nowMs = 0;
  #offsetMs: number;
  #count = 0;

  constructor(wallMs: number) {
    this.#offsetMs = wallMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#offsetMs;
  }

  /** Somebody sets the wall clock. */
  set(byMs: number): void {
    this.#offsetMs += byMs;
  }

  /** A moment of work passes. */
  tick(): void {
    this.#nowMs += TICK_MS;
  }

  /** Does the work at this time, or as soon as earlier work is done. Returns a number for `cancel`. */
  at(atMs: number, work: () => void): number {
    const entry = { atMs: Math.max(atMs, this.#nowMs), number: ++this.#count, work };
    let at = this.#heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (isBefore(this.#heap[above]!, entry)) break;
      this.#heap[at] = this.#heap[above]!;
      at = above;
    }
    this.#heap[at] = entry;
    return entry.number;
  }

  after(ms: number, work: () => void): number {
    return this.at(this.#nowMs + ms, work);
  }

  cancel(number: number): void {
    this.#cancelled.add(number);
  }

  /** When the next work is due; Infinity where none is. */
  get nextMs(): number {
    this.#skip();
    return this.#heap[0]?.atMs ?? Infinity;
  }

  /** How long the waiting work waits yet, soonest first. */
  pending(): number[] {
    return this.#heap
      .filter(({ number }) => !this.#cancelled.has(number))
      .map(({ atMs }) => atMs - this.#nowMs)
      .sort((a, b) => a - b);
  }

  /**
   * So much time passes in which nothing is done: work due within `soonMs` waits as long as before, later
   * work comes at its time, which must be later still.
   */
  leap(byMs: number, soonMs: number): void {
    const soon = this.#nowMs + soonMs;
    const waiting = this.#heap.filter(({ number }) => !this.#cancelled.delete(number));
    // Both kinds keep their order.
    for (const entry of waiting) if (entry.atMs <= soon) entry.atMs += byMs;
    this.#heap.splice(0, Infinity, ...waiting.sort((a, b) => (isBefore(a, b) ? -1 : 1)));
    this.#nowMs += byMs;
  }

  /** Moves the clock to the next work, and does it. Returns whether there was any. */
  step(): boolean {
    this.#skip();
    const entry = this.#pop();
    if (entry === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, entry.atMs);
    entry.work();
    return true;
  }

  #skip(): void {
    while (this.#heap[0] !== undefined && this.#cancelled.delete(this.#heap[0].number)) this.#pop();
  }

  #pop(): Entry | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const right = this.#heap[below + 1];
      if (right !== undefined && isBefore(right, this.#heap[below]!)) below++;
      if (below >= this.#heap.length || isBefore(last, this.#heap[below]!)) break;
      this.#heap[at] = this.#heap[below]!;
      at = below;
    }
    this.#heap[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
