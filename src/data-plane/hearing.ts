/** Hears knocks by the plan in force: its captures and its matcher, which a new plan replaces together. */

import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { HitLog } from "../match/hit-log.ts";
import { Matcher, type MatcherOptions } from "../match/matcher.ts";
import type { MatchSink } from "../match/subject.ts";
import type { Polled } from "../native/poll-set.ts";
import { Listener } from "./listener.ts";
import type { Plan } from "./plan.ts";
import { carryUses, restoreUses, type ToldUse } from "./restore-from-kernel.ts";

/** In silence the loop wakes so often in a slot, to have the sequences of the next one ready before it begins. */
const LOOKS_A_SLOT = 4;

export interface HearingParts {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly poll: Polled;
  readonly hits: HitLog;
  /** Receives every match, whichever plan is in force. */
  readonly sink: MatchSink;
  /** The memory of each matcher. Default: that of a server. */
  readonly limits?: MatcherOptions;
  /** An interface was lost, as a sentence. */
  readonly lost: (sentence: string) => void;
  /** Attaches to the interfaces of a plan. Default: those of this machine. */
  readonly listen?: (...asked: ConstructorParameters<typeof Listener>) => Hears;
}

/** Longer than any knock can come again: a device that is away for so long begins anew. */
const TOLD_MS = 3_600_000;

/** The captures of one plan, whoever delivers their packets. */
export type Hears = Pick<
  Listener,
  | "attached"
  | "missing"
  | "down"
  | "standsIn"
  | "attachMissing"
  | "countDrops"
  | "drain"
  | "takeWaiting"
  | "end"
> &
  Disposable;

export class Hearing {
  readonly #parts: HearingParts;
  #plan: Plan;
  #matcher: Matcher;
  #listener: Hears;
  /** What was told of devices that the plan in force lacks, or whose slots have another length in it. */
  #left: readonly ToldUse[] = [];

  /** Attaches to the interfaces; throws when it can attach to none of them, and all may not stand in for these. */
  constructor(plan: Plan, mayStandIn: boolean, parts: HearingParts) {
    this.#parts = parts;
    this.#plan = plan;
    this.#matcher = this.#makeMatcher(plan);
    for (const use of plan.uses) this.#matcher.markUsed(use);
    this.#listener = this.#makeListener(plan, mayStandIn, this.#matcher);
  }

  get plan(): Plan {
    return this.#plan;
  }

  get matcher(): Matcher {
    return this.#matcher;
  }

  get listener(): Hears {
    return this.#listener;
  }

  /**
   * Hears by another plan from now on. `known` returns the uses that the kernel remembers; `entered` is called as soon as
   * this plan is in force. Throws when the new captures cannot be attached; the old plan then stays.
   *
   * No knock falls in between: what waits in the captures is heard by the old plan first; captures that the new plan
   * needs as they are go on; and half a knock stays half a knock, where the terms of its door stay. Nor does any
   * packet count twice for a fixed sequence.
   */
  replace(plan: Plan, known: () => readonly Uint8Array[], entered?: (plan: Plan) => void): void {
    const { clock, lost } = this.#parts;
    const before = { listener: this.#listener, matcher: this.#matcher, plan: this.#plan };
    before.listener.takeWaiting().forEach(lost);
    const matcher = this.#makeMatcher(plan, before.matcher);
    const wallMs = clock.wallMs();
    const left = carryUses(
      { matcher: before.matcher, subjects: before.plan.rotating },
      { matcher, subjects: plan.rotating },
      this.#left.filter(({ use: { timeMs = 0 } }) => Math.abs(wallMs - timeMs) < TOLD_MS),
    );
    // After those of the old plan, which know what was told of them.
    for (const use of plan.uses) matcher.markUsed(use);
    // Nor has one a source that an earlier daemon heard and did not live to write down.
    restoreUses(matcher, plan.rotating, known(), wallMs);
    // A name that is new is a mistake to be told; one that ran before has gone since.
    const mayStandIn = plan.interfaces.join() === before.plan.interfaces.join();
    this.#listener = this.#makeListener(plan, mayStandIn, matcher, before.listener);
    this.#matcher = matcher;
    this.#plan = plan;
    this.#left = left;
    entered?.(plan);
    before.listener.end(matcher);
    before.matcher.release();
  }

  /** How long nothing has to be looked after when nothing happens and nothing is amiss. */
  restMs(): number {
    let shortest = Infinity;
    for (const { users, space } of this.#plan.doors) {
      if (users.length > 0) shortest = Math.min(shortest, space.stepSeconds);
    }
    return (shortest * 1_000) / LOOKS_A_SLOT;
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }

  #makeMatcher({ rotating, fixed }: Plan, before?: Matcher): Matcher {
    const { sink, limits } = this.#parts;
    return new Matcher({ rotating, fixed }, sink, limits, before);
  }

  #makeListener(plan: Plan, mayStandIn: boolean, matcher: Matcher, before?: Hears): Hears {
    const { hits, counters, poll, listen = attach } = this.#parts;
    const parts = { matcher, hits, counters, poll, ...(before && { before }) };
    return listen(plan.interfaces, plan.heard, mayStandIn, parts);
  }
}

function attach(...asked: ConstructorParameters<typeof Listener>): Hears {
  return new Listener(...asked);
}
