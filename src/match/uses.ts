/** Which sequences were used, by whom: one use each, forward only. */

import type { Address } from "../core/address.ts";
import { knockSource } from "../core/knock.ts";
import type { Knock } from "../core/knock.ts";
import { useId } from "../rks/use-id.ts";
import type { KnownUse, MatchSink, RotatingMatch, RotatingSubject } from "./subject.ts";

/** A use whose user's address is known, and what was told of it since. */
interface Use {
  readonly slot: number;
  readonly source: Address;
  readonly timeMs: number;
  repeated: boolean;
  reused: boolean;
}

/** The uses of a list of subjects, each named by its index in it. */
export class Uses {
  readonly #subjects: readonly RotatingSubject[];
  readonly #sink: MatchSink;
  /** The last slot spent, −1 before the first: whatever is not later is never offered again. */
  readonly #last: Float64Array;
  /** Uses that can still be repeated, lowest slot first. */
  readonly #recent: Use[][];

  constructor(subjects: readonly RotatingSubject[], sink: MatchSink) {
    this.#subjects = subjects;
    this.#sink = sink;
    this.#last = new Float64Array(subjects.length).fill(-1);
    this.#recent = subjects.map(() => []);
  }

  /** Decides what a sequence that `knock` completed means, and tells the sink. */
  complete(index: number, slot: number, knock: Knock): void {
    if (slot > this.#last[index]!) {
      const match = this.#match(index, slot, knock);
      if (this.#sink.rotating(match) === "kept") return;
      const { source, timeMs } = match;
      this.#record(index, { slot, source, timeMs, repeated: false, reused: false });
      return;
    }
    const use = this.#recent[index]!.find((known) => known.slot === slot);
    if (use === undefined) return;
    // Told once each: copies come by the dozen, and forged replays must not multiply alarms.
    if (isFrom(use.source, knock)) {
      if (use.repeated) return;
      use.repeated = true;
      this.#sink.repeated(this.#match(index, slot, knock));
    } else if (!use.reused) {
      use.reused = true;
      this.#sink.reused(this.#match(index, slot, knock), use.source, use.timeMs);
    }
  }

  /** Takes over a use from elsewhere; an older one than is known changes nothing. */
  mark(index: number, use: KnownUse): void {
    const { slot, source, timeMs = 0, repeated = false, reused = false } = use;
    if (slot < this.#last[index]! || slot === this.#recent[index]!.at(-1)?.slot) return;
    if (source === undefined) this.#last[index] = slot;
    else this.#record(index, { slot, source, timeMs, repeated, reused });
  }

  /** What is known of a subject, lowest slot first, for `mark` of another instance. */
  known(index: number): KnownUse[] {
    const last = this.#last[index]!;
    if (last < 0) return [];
    const { door, user, device } = this.#subjects[index]!;
    const name = { door, user, device };
    const uses: KnownUse[] = this.#recent[index]!.map((use) => Object.assign({}, use, name));
    return uses.at(-1)?.slot === last ? uses : [...uses, { ...name, slot: last }];
  }

  /**
   * Notes that the use of a slot is to be reported as known to another address. True once for each
   * use, whether `complete` or this tells of it; false where the use, or who made it, is not known.
   */
  report(index: number, slot: number): boolean {
    const use = this.#recent[index]!.find((known) => known.slot === slot);
    if (use === undefined || use.reused) return false;
    use.reused = true;
    return true;
  }

  #record(index: number, use: Use): void {
    this.#last[index] = use.slot;
    // No packet can complete an older one, not even one that comes in a window late.
    const { skew, windowSeconds, stepSeconds } = this.#subjects[index]!.space;
    const oldest = use.slot - 2 * skew - Math.ceil(windowSeconds / stepSeconds);
    this.#recent[index] = this.#recent[index]!.filter(({ slot }) => slot >= oldest);
    this.#recent[index].push(use);
  }

  #match(index: number, slot: number, knock: Knock): RotatingMatch {
    const subject = this.#subjects[index]!;
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
