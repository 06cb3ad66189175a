/**
 * How far a source got in a fixed sequence, and why its run ended. For explanation only: it opens
 * nothing.
 */

import { knockKey, knockKeys, spansOf } from "../core/fixed-sequence.ts";
import { type Port, PROTO_NUMBER } from "../core/port.ts";
import type { Hit } from "./hit-table.ts";
import type { FixedSubject } from "./subject.ts";

/** A fixed sequence that a source began. */
export interface FixedTry {
  readonly kind: "fixed";
  readonly subject: FixedSubject;
  /** Knocks accepted, in order, in the longest run; a complete run has all of them. */
  readonly accepted: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Why the run ended: another port, or its time was over. Absent when nothing more came. */
  readonly ended?: Port | "late";
}

interface Run {
  readonly accepted: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly ended?: Port | "late";
}

/**
 * The longest run of the sequence among the knocks (oldest first), the latest of equal ones;
 * undefined when its first knock never came. A prefix has one run here, where the matcher keeps
 * several: that is enough to tell a person what went wrong.
 */
export function closestRun(subject: FixedSubject, hits: readonly Hit[]): FixedTry | undefined {
  const { sequence } = subject;
  const keys = knockKeys(sequence);
  const spans = spansOf(sequence);
  let best: Run | undefined;
  let run: Run | undefined;
  const settle = (ended?: Run["ended"]) => {
    if (run !== undefined && run.accepted >= (best?.accepted ?? 0)) {
      best = { ...run, ...(ended !== undefined && { ended }) };
    }
    run = undefined;
  };
  for (const { proto, port, timeMs } of hits) {
    const heard = spans.some(
      (span) => PROTO_NUMBER[span.proto] === proto && span.from <= port && port <= span.to,
    );
    if (!heard) continue;
    const key = knockKey(proto, port);
    if (run !== undefined && Math.abs(timeMs - run.firstMs) > sequence.timeoutMs) settle("late");
    if (run !== undefined && keys[run.accepted] === key) {
      run = { accepted: run.accepted + 1, firstMs: run.firstMs, lastMs: timeMs };
      if (run.accepted === keys.length) settle();
      continue;
    }
    if (run !== undefined && !keys.subarray(0, run.accepted).includes(key)) {
      settle({ proto: proto === PROTO_NUMBER.udp ? "udp" : "tcp", port });
    }
    if (run === undefined && keys[0] === key) {
      run = { accepted: 1, firstMs: timeMs, lastMs: timeMs };
    }
  }
  settle();
  return best && { kind: "fixed", subject, ...best };
}
