/** Notices that another address hit most of a used sequence: somebody may be listening. */

import { type Address, sameAddress } from "../core/address.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { HitLog } from "../match/hit-log.ts";
import { chanceOf } from "../match/near-misses.ts";
import type { RotatingMatch } from "../match/subject.ts";
import { sequencePorts } from "../rks/sequence.ts";

/** Uses that wait for their look. Only the holder of a key can make one. */
const MOST_WAITING = 4_096;

/** The chance that any of the remembered sources hit so many ports by accident. */
const MOST_CHANCE = 1e-6;
const SOURCES = 2_048;

/** A used sequence that came in part from another address than the one that used it. */
export interface Echo {
  readonly use: RotatingMatch;
  /** The other address, which hit most of its ports. */
  readonly source: Address;
  readonly heard: number;
  readonly ports: number;
}

/**
 * Looks at each use one window after it was made: by then an eavesdropper has sent his copies.
 * So the cost is one look for each use, which takes a key, and nothing for each packet: forged
 * packets can make it neither dearer nor more frequent.
 */
export class EchoWatch {
  readonly #waiting: { readonly use: RotatingMatch; readonly dueMs: number }[] = [];

  /** Takes a use made now; times are monotonic milliseconds. */
  expect(use: RotatingMatch, nowMs: number): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push({ use, dueMs: nowMs + use.subject.space.windowSeconds * 1_000 });
  }

  /** When the next use is due for its look, in monotonic milliseconds; Infinity when none waits. */
  get nextDueMs(): number {
    return this.#waiting[0]?.dueMs ?? Infinity;
  }

  isDue(nowMs: number): boolean {
    return this.nextDueMs <= nowMs;
  }

  /**
   * Looks at the oldest due use; undefined when none is due. At most about a millisecond of work.
   */
  next(nowMs: number, hits: HitLog): { readonly echo?: Echo } | undefined {
    if (!this.isDue(nowMs)) return undefined;
    const { use } = this.#waiting.shift()!;
    const echo = findEcho(use, hits);
    return echo === undefined ? {} : { echo };
  }
}

/**
 * The other source that hit the most ports of a use, if these are more than half and no accident.
 */
export function findEcho(use: RotatingMatch, hits: HitLog): Echo | undefined {
  const { key, door, space } = use.subject;
  const { ports: n, lo, hi, windowSeconds, proto } = space;
  const ports = sequencePorts(key, door, space, use.slot);
  const windowMs = windowSeconds * 1_000;
  let found: Echo | undefined;
  hits.hitting(
    { ports, proto: PROTO_NUMBER[proto], least: Math.floor(n / 2) + 1 },
    use.timeMs - windowMs,
    use.timeMs + windowMs,
    (source, heard, distinct) => {
      if (heard <= (found?.heard ?? 0) || sameAddress(source, use.source)) return;
      if (chanceOf(heard, n, distinct, hi - lo + 1) * SOURCES > MOST_CHANCE) return;
      found = { use, source, heard, ports: n };
    },
  );
  return found;
}
