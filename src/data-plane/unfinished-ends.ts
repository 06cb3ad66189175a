/** Grants that the kernel was to take and kept: it is asked again, some at a time. */

import type { Grant } from "../core/grant.ts";
import { SET_SIZE } from "../firewall/sets.ts";

/** After so long. */
const AGAIN_MS = 1_000;

/** Takes monotonic `nowMs`. */
export class UnfinishedEnds {
  /** No more of them than a set of the kernel holds. */
  readonly #grants: Grant[] = [];
  #dueMs = Infinity;

  /** When `tryAgain` has something to do, in monotonic milliseconds. */
  get dueMs(): number {
    return this.#dueMs;
  }

  add(grant: Grant, nowMs: number): void {
    // A flood of forged knocks neither grows this without bound, nor puts off what waits already.
    if (this.#grants.length >= SET_SIZE) return;
    this.#grants.push(grant);
    this.#dueMs = Math.min(this.#dueMs, nowMs + AGAIN_MS);
  }

  /** Calls `end` for at most `most` of them: the rest is due at once. A grant that is refused again is added by `end`. */
  tryAgain(nowMs: number, most: number, end: (grant: Grant) => void): void {
    if (nowMs < this.#dueMs) return;
    const some = this.#grants.splice(0, most);
    const waiting = this.#grants.length;
    for (const grant of some) end(grant);
    const isRefused = this.#grants.length > waiting;
    if (this.#grants.length === 0) this.#dueMs = Infinity;
    else this.#dueMs = isRefused ? nowMs + AGAIN_MS : nowMs;
  }
}
