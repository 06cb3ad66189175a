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
  /** The accepted knocks, and repeats among them that ended nothing. */
  readonly hits: readonly Hit[];
}

/**
 * The closest run of each sequence among the knocks (oldest first). Knocks of a complete sequence
 * meant that one: where it shares a beginning with others, or ends as its counterpart begins,
 * nobody tried those. The same holds for the knocks in `explained`.
 */
export function fixedTries(
  subjects: readonly FixedSubject[],
  hits: readonly Hit[],
  explained: ReadonlySet<Hit> = new Set(),
): FixedTry[] {
  const all = subjects.map((subject) => ({ subject, runs: runsOf(subject, hits) }));
  const meant = new Set(explained);
  for (const { subject, runs } of all) {
    for (const run of runs)
      if (isComplete(subject, run)) for (const hit of run.hits) meant.add(hit);
  }
  return all.flatMap(({ subject, runs }) => {
    const own = runs.filter(
      (run) => isComplete(subject, run) || run.hits.some((hit) => !meant.has(hit)),
    );
    return closest(subject, own) ?? [];
  });
}

function isComplete({ sequence }: FixedSubject, { accepted }: Run): boolean {
  return accepted === sequence.knocks.length;
}

/**
 * The longest run, the latest of equal ones; undefined where there is none. A prefix has one run
 * here, where the matcher keeps several: that is enough to tell a person what went wrong.
 */
function closest(subject: FixedSubject, runs: readonly Run[]): FixedTry | undefined {
  let best: Run | undefined;
  for (const run of runs) if (run.accepted >= (best?.accepted ?? 0)) best = run;
  if (best === undefined) return undefined;
  const { accepted, firstMs, lastMs, ended } = best;
  return {
    kind: "fixed",
    subject,
    accepted,
    firstMs,
    lastMs,
    ...(ended !== undefined && { ended }),
  };
}

/** All runs, in the order of their ends. */
function runsOf({ sequence }: FixedSubject, hits: readonly Hit[]): Run[] {
  const keys = knockKeys(sequence);
  const spans = spansOf(sequence);
  const runs: Run[] = [];
  let run: Run | undefined;
  const settle = (ended?: Run["ended"]) => {
    if (run !== undefined) runs.push({ ...run, ...(ended !== undefined && { ended }) });
    run = undefined;
  };
  for (const hit of hits) {
    const { proto, port, timeMs } = hit;
    const heard = spans.some(
      (span) => PROTO_NUMBER[span.proto] === proto && span.from <= port && port <= span.to,
    );
    if (!heard) continue;
    const key = knockKey(proto, port);
    if (run !== undefined && Math.abs(timeMs - run.firstMs) > sequence.timeoutMs) settle("late");
    if (run !== undefined && keys[run.accepted] === key) {
      const { accepted, firstMs } = run;
      run = { accepted: accepted + 1, firstMs, lastMs: timeMs, hits: [...run.hits, hit] };
      if (run.accepted === keys.length) settle();
      continue;
    }
    if (run !== undefined && keys.subarray(0, run.accepted).includes(key)) {
      run = { ...run, hits: [...run.hits, hit] };
    } else if (run !== undefined) {
      settle({ proto: proto === PROTO_NUMBER.udp ? "udp" : "tcp", port });
    }
    if (run === undefined && keys[0] === key) {
      run = { accepted: 1, firstMs: timeMs, lastMs: timeMs, hits: [hit] };
      if (keys.length === 1) settle();
    }
  }
  settle();
  return runs;
}
