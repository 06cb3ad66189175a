/**
 * The matcher: knocks in, matches out. Pure: its times are those of the packets, and it does no
 * I/O.
 */

import type { Knock } from "../core/knock.ts";
import { slotAt } from "../rks/slot.ts";
import { FixedDoors } from "./fixed-doors.ts";
import { FixedRuns } from "./fixed-runs.ts";
import { RotatingSpace } from "./rotating-space.ts";
import { type SourceLimits, SourceTable } from "./source-table.ts";
import { SpaceSources } from "./space-sources.ts";
import type { FixedSubject, KnownUse, MatchSink } from "./subject.ts";
import { type SubjectGroup, SubjectTable, type Subjects } from "./subject-table.ts";
import { Uses } from "./uses.ts";

/** The memory that all source tables together may take when a flood has filled them. */
export const SOURCE_BYTES = 60 * 1_024 * 1_024;

export interface MatcherSubjects {
  readonly rotating: Subjects;
  readonly fixed: readonly FixedSubject[];
}

export interface MatcherOptions {
  /**
   * Sources remembered per address family, for each knock space and for the fixed doors; 32,768 by
   * default, fewer where `SOURCE_BYTES` demands it.
   */
  readonly sourcesPerFamily?: number;
  /** How many of these sources may belong to one IPv6 /64; default 64. */
  readonly perPrefix64?: number;
}

export interface MatcherStats {
  /** Sources remembered now. An address counts once for each knock space and fixed sequence. */
  readonly sources4: number;
  readonly sources6: number;
  /** Sources forgotten to make room, since these tables were made. */
  readonly evicted: number;
}

/** Subjects with equal terms, and the uses of their sequences. */
interface Group {
  readonly subjects: SubjectGroup;
  readonly uses: Uses;
}

export class Matcher {
  readonly #spaces: RotatingSpace[] = [];
  #fixed: FixedDoors | undefined;
  readonly #groups: Group[] = [];

  /**
   * `before` is a matcher that is fed no more from the first knock here on. Sources keep what they hit where the terms
   * stay, and the room: then a reload neither loses half a knock nor takes new memory. More spaces than before have less
   * room each. Fixed sequences stay all or none.
   */
  constructor(
    { rotating, fixed }: MatcherSubjects,
    sink: MatchSink,
    options: MatcherOptions = {},
    before?: Matcher,
  ) {
    const { groups } = SubjectTable.of(rotating);
    const earlier = before === undefined ? [] : before.#sources;
    const earlierRuns = before === undefined ? undefined : before.#fixed?.runs;
    const bytes = groups.map(({ space }) => SpaceSources.bytesPerSource(space));
    if (fixed.length > 0) bytes.push(FixedRuns.bytesPerSource(fixed));
    const limits = limitsOf(bytes, options);
    for (const group of groups) {
      const uses = new Uses(group, sink);
      const key = SpaceSources.keyOf(group.space, limits);
      const sources = earlier.find((kept) => kept.key === key);
      this.#spaces.push(
        new RotatingSpace(group, uses, sources ?? new SpaceSources(group.space, limits)),
      );
      this.#groups.push({ subjects: group, uses });
    }
    if (fixed.length > 0) {
      const isKept = earlierRuns?.key === FixedRuns.keyOf(fixed, limits);
      this.#fixed = new FixedDoors(
        fixed,
        sink,
        isKept ? earlierRuns : new FixedRuns(fixed, limits),
      );
    }
  }

  /**
   * Derives the sequences that will be needed soon, at most about `most` of them (a microsecond
   * each), and returns whether more is waiting. Call it between packets and from a timer, a few
   * times a slot at least: a page that is not ready when a packet needs it is completed in that
   * packet's time.
   */
  prepare(nowMs: number, most: number): boolean {
    let left = most;
    for (const space of this.#spaces) left = space.pages.prepare(nowMs, left);
    return left <= 0;
  }

  /**
   * Takes one knock, inbound and to this machine. Tells the sink of everything that it completes
   * before it returns. Allocates only for a match. Times may be out of order by up to a window.
   */
  feed(knock: Knock): void {
    this.feedRotating(knock);
    this.#fixed?.feed(knock);
  }

  /**
   * Lets sources and sequences go, whatever still refers to this matcher; it hears nothing any more. The engine may
   * find a reference to one that is over on its stack for as long as the thread runs.
   */
  release(): void {
    for (const space of this.#spaces) space.release();
    this.#spaces.length = 0;
    this.#fixed = undefined;
  }

  /** As `feed`, for doors that open by keys alone. */
  feedRotating(knock: Knock): void {
    for (let i = 0; i < this.#spaces.length; i++) this.#spaces[i]!.feed(knock);
  }

  /**
   * Takes over a use known from elsewhere: its slot and all earlier ones are spent for good.
   * Returns whether the subject exists here with slots of that length.
   */
  markUsed(use: KnownUse): boolean {
    const place = this.#find(use);
    if (place?.stepSeconds !== use.stepSeconds) return false;
    place.uses.mark(place.index, use);
    return true;
  }

  /**
   * The uses of all subjects that used a slot since `sinceMs` (Unix milliseconds), each subject's
   * lowest slot first, in the form that `markUsed` of another matcher takes. Without the time, of
   * all subjects.
   */
  *usedSlots(sinceMs = 0): Generator<KnownUse, void> {
    for (const [, uses] of this.usedSubjects(sinceMs, 0)) yield* uses;
  }

  /**
   * As `usedSlots`, by subject, from the place `from` on. The next call continues from the place of
   * the last subject returned.
   */
  *usedSubjects(sinceMs: number, from: number): Generator<[place: number, uses: KnownUse[]], void> {
    let first = 0;
    for (const { subjects, uses } of this.#groups) {
      const since = slotAt(sinceMs, subjects.space.stepSeconds);
      for (const index of uses.usedSince(since, Math.max(0, from - first))) {
        yield [first + index, uses.known(index)];
      }
      first += subjects.length;
    }
  }

  /** The known uses of one subject, lowest slot first, and a doubtful one; empty where the subject is not here. */
  usesOf(subject: Pick<KnownUse, "door" | "user" | "device">): KnownUse[] {
    const place = this.#find(subject);
    return place === undefined ? [] : place.uses.refused(place.index);
  }

  /** As `Uses.report`: whether this is the first report that another address knows this use. */
  reportReuse(subject: Pick<KnownUse, "door" | "user" | "device">, slot: number): boolean {
    const place = this.#find(subject);
    return place !== undefined && place.uses.report(place.index, slot);
  }

  get stats(): MatcherStats {
    const remembered = [...this.#sources, ...(this.#fixed ? [this.#fixed.runs] : [])];
    const sum = (of: (table: SourceTable) => number, ...families: ("v4" | "v6")[]) =>
      remembered
        .flatMap((sources) => families.map((family) => of(sources[family].table)))
        .reduce((total, own) => total + own, 0);
    return {
      sources4: sum(({ size }) => size, "v4"),
      sources6: sum(({ size }) => size, "v6"),
      evicted: sum(({ evicted }) => evicted, "v4", "v6"),
    };
  }

  get #sources(): SpaceSources[] {
    return this.#spaces.flatMap(({ sources }) => sources ?? []);
  }

  #find(subject: Pick<KnownUse, "door" | "user" | "device">) {
    for (const { subjects, uses } of this.#groups) {
      const index = subjects.find(subject);
      if (index >= 0) return { uses, index, stepSeconds: subjects.space.stepSeconds };
    }
    return undefined;
  }
}

/** Sources for every table alike, as many as the memory allows; `bytes` for each space and the fixed doors. */
function limitsOf(bytes: readonly number[], options: MatcherOptions): SourceLimits {
  const { sourcesPerFamily = 32_768, perPrefix64 = 64 } = options;
  const tables = SourceTable.bytesPerSource(4) + SourceTable.bytesPerSource(6);
  const perSource = bytes.reduce((sum, own) => sum + 2 * own + tables, 0);
  const affordable = Math.floor(SOURCE_BYTES / perSource);
  return { capacity: Math.max(1, Math.min(sourcesPerFamily, affordable)), perPrefix64 };
}
