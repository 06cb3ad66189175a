/** Fixed sequences that complete one another: a person who knocks one would open or close two doors. */

import { knockKey, knockKeys, NO_START, spansOf, stepRun } from "../core/fixed-sequence.ts";
import type { FixedSequence } from "../core/fixed-sequence.ts";
import { PROTO_NUMBER, rangesOverlap } from "../core/port.ts";
import type { Port } from "../core/port.ts";
import type { Door } from "./settings.ts";

interface Named {
  readonly door: string;
  readonly key: "sequence" | "close_sequence";
  readonly sequence: FixedSequence;
}

/** A sequence, by its path below `door`, and its purpose. */
export interface Conflict {
  readonly at: readonly [door: string, key: Named["key"]];
  readonly state: string;
}

/** Whether packets to these ports, in this order and at one moment, complete the sequence. */
function completes(sequence: FixedSequence, packets: readonly Port[]): boolean {
  const keys = knockKeys(sequence);
  const starts = new Float64Array(keys.length).fill(NO_START);
  const spans = spansOf(sequence);
  return packets
    .filter(({ proto, port }) =>
      spans.some((span) => rangesOverlap(span, { proto, from: port, to: port })),
    )
    .some(
      ({ proto, port }) =>
        stepRun(keys, sequence.timeoutMs, starts, 0, knockKey(PROTO_NUMBER[proto], port), 0) ===
        "complete",
    );
}

function effectOn(knocked: Named, other: Named): string | undefined {
  const { knocks } = knocked.sequence;
  if (completes(other.sequence, knocks)) return "when it is knocked";
  // People who are not let in at once knock again.
  if (completes(other.sequence, [...knocks, ...knocks])) return "when it is knocked twice in a row";
  return undefined;
}

/**
 * Every pair of sequences that are not independent, once. Doors may share the beginning of their
 * sequences, and one knock may close two doors.
 */
export function sequencesInConflict(doors: readonly Door[]): Conflict[] {
  const all = doors.flatMap(({ name, fixed, closing }): Named[] => [
    ...(fixed ? [{ door: name, key: "sequence", sequence: fixed } as const] : []),
    ...(closing ? [{ door: name, key: "close_sequence", sequence: closing } as const] : []),
  ]);
  const found: Conflict[] = [];
  for (const [i, second] of all.entries()) {
    for (const first of all.slice(0, i)) {
      if (first.key === "close_sequence" && second.key === "close_sequence") continue;
      for (const [knocked, other] of [
        [second, first],
        [first, second],
      ] as const) {
        const when = effectOn(knocked, other);
        if (when === undefined) continue;
        found.push({
          at: [knocked.door, knocked.key],
          state: `also completes door.${other.door}.${other.key} ${when}`,
        });
        break;
      }
    }
  }
  return found;
}
