/** The sequences that were used, and by whom: one use each, forward only. */

import type { Address } from "../core/address.ts";
import { knockSource } from "../core/knock.ts";
import type { Knock } from "../core/knock.ts";
import { useId } from "../rks/use-id.ts";
import type { KnownUse, MatchSink, RotatingMatch, RotatingSubject } from "./subject.ts";
import type { KnockSpace } from "../rks/space.ts";

/** A use from a known address, and what the sink was told of it since. */
interface Use {
  readonly slot: number;
  readonly source: Address;
  readonly timeMs: number;
  repeated: boolean;
  reused: boolean;
}

/** Subjects with equal terms, by index: a `SubjectGroup`. */
export interface IndexedSubjects {
  readonly space: KnockSpace;
  readonly length: number;
  at(index: number): RotatingSubject;
}

/** The uses of subjects with equal terms. */
export class Uses {
  readonly #subjects: IndexedSubjects;
  readonly #sink: MatchSink;
  /** The last slot spent, −1 before the first: only later slots are ever offered again. */
  readonly #last: Float64Array;
  /** The last slot that any subject may have spent unknown to us; −1 where there is none. */
  #doubtful = -1;
  /**
   * The uses of a subject that can still be repeated, lowest slot first; few of many subjects have
   * any.
   */
  readonly #recent = new Map<number, Use[]>();

  constructor(subjects: IndexedSubjects, sink: MatchSink) {
    this.#subjects = subjects;
    this.#sink = sink;
    this.#last = new Float64Array(subjects.length).fill(-1);
  }

  /** Decides what the sequence means that `knock` completed, and tells the sink. */
  complete(index: number, slot: number, knock: Knock): void {
    if (slot > this.#last[index]!) {
      if (slot <= this.#doubtful) return;
      const match = this.#match(index, slot, knock);
      if (this.#sink.rotating(match) === "kept") return;
      const { source, timeMs } = match;
      this.#record(index, { slot, source, timeMs, repeated: false, reused: false });
      return;
    }
    const use = this.#find(index, slot);
    if (use === undefined) return;
    // Each is told once: copies come by the dozen, and forged replays must not multiply alarms.
    if (isFrom(use.source, knock)) {
      // Clients send each knock twice, and networks copy: a repeat within a window is the same
      // knock.
      const sinceMs = knock.timeMs - use.timeMs;
      if (use.repeated || sinceMs <= this.#subjects.space.windowSeconds * 1_000) return;
      use.repeated = true;
      this.#sink.repeated(this.#match(index, slot, knock));
    } else if (!use.reused) {
      use.reused = true;
      this.#sink.reused(this.#match(index, slot, knock), use.source, use.timeMs);
    }
  }

  /**
   * Takes over a use from elsewhere, of slots of the same length; a use older than the known ones
   * changes nothing. A doubtful one counts for all subjects: nobody can know whose it was.
   */
  mark(index: number, use: KnownUse): void {
    const { slot, source, timeMs = 0, repeated = false, reused = false } = use;
    if (use.doubtful === true) {
      this.#doubtful = Math.max(slot, this.#doubtful);
      return;
    }
    if (slot < this.#last[index]! || slot === this.#recent.get(index)?.at(-1)?.slot) return;
    if (source === undefined) this.#last[index] = slot;
    else this.#record(index, { slot, source, timeMs, repeated, reused });
  }

  /** The indices of the subjects whose last use is of this slot or a later one. */
  *usedSince(slot: number, from = 0): Generator<number, void> {
    for (let index = from; index < this.#last.length; index++) {
      if (this.#last[index]! >= slot) yield index;
    }
  }

  /** The known uses of a subject, lowest slot first, for `mark` of another instance. */
  known(index: number): KnownUse[] {
    const last = this.#last[index]!;
    if (last < 0) return [];
    const { door, user, device, space } = this.#subjects.at(index);
    const terms = { door, user, device, stepSeconds: space.stepSeconds };
    const uses: KnownUse[] = (this.#recent.get(index) ?? []).map((use) => ({ ...use, ...terms }));
    return uses.at(-1)?.slot === last ? uses : [...uses, { ...terms, slot: last }];
  }

  /** As `known`, with a slot that is refused because of a doubt. */
  refused(index: number): KnownUse[] {
    const known = this.known(index);
    const slot = this.#doubtful;
    if (slot <= this.#last[index]!) return known;
    const { door, user, device, space } = this.#subjects.at(index);
    return [...known, { door, user, device, stepSeconds: space.stepSeconds, slot, doubtful: true }];
  }

  /**
   * Notes that the use of a slot is reported as known to another address. Returns true once for
   * each use, whether `complete` or this call reports it. Returns false where the use, or its
   * source, is not known.
   */
  report(index: number, slot: number): boolean {
    const use = this.#find(index, slot);
    if (use === undefined || use.reused) return false;
    use.reused = true;
    return true;
  }

  #find(index: number, slot: number): Use | undefined {
    return this.#recent.get(index)?.find((known) => known.slot === slot);
  }

  #record(index: number, use: Use): void {
    this.#last[index] = use.slot;
    // No packet can complete an older use, not even one that comes a window late.
    const { skew, windowSeconds, stepSeconds } = this.#subjects.space;
    const oldest = use.slot - 2 * skew - Math.ceil(windowSeconds / stepSeconds);
    const recent = (this.#recent.get(index) ?? []).filter(({ slot }) => slot >= oldest);
    recent.push(use);
    this.#recent.set(index, recent);
  }

  #match(index: number, slot: number, knock: Knock): RotatingMatch {
    const subject = this.#subjects.at(index);
    const use = useId(subject.key, subject.door, slot);
    const { timeMs } = knock;
    return { kind: "rotating", subject, slot, source: knockSource(knock), timeMs, use };
  }
}

function isFrom({ family, a0, a1, a2, a3 }: Address, knock: Knock): boolean {
  return (
    family === knock.family &&
    a0 === knock.s0 &&
    a1 === knock.s1 &&
    a2 === knock.s2 &&
    a3 === knock.s3
  );
}
