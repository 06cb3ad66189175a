/** What the tests of the daemon's pure parts share: a clock that is set by hand, and matches from words. */

import { parseAddress } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { RotatingMatch, RotatingSubject } from "../../src/match/subject.ts";
import { useId } from "../../src/rks/use-id.ts";
import { NOW } from "../match/support.ts";

export class HandClock implements Clock {
  nowMs = NOW;

  wallMs(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }
}

/** The match that `source` made of a subject's sequence. */
export function matchOf(
  subject: RotatingSubject,
  slot: number,
  source: string,
  timeMs: number,
): RotatingMatch {
  const use = useId(subject.key, subject.door, slot);
  return { kind: "rotating", subject, slot, source: parseAddress(source)!, timeMs, use };
}
