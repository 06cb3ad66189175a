/**
 * Decides when ports may be guarded for good, for a time, or not at all: by what people asked for,
 * the clock, and each load of the guard.
 */

import type { GuardPlan } from "../../src/firewall/guard-plan.ts";
import type { GuardState } from "../../src/control-plane/guard/guard-loader.ts";
import type { Agenda } from "./agenda.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { Violation } from "./violation.ts";

/** The daemon ends a probation a second before the kernel would, and counts whole milliseconds. */
const NEARLY_MS = 1_500;

/** The longest time from the end of a probation until the daemon has acted on it. */
const LATE_MS = 5_000;

/** What somebody asked for and has no answer to yet, or got. */
export type Asked =
  | { readonly type: "confirm" }
  /** `back`: unless somebody confirms, the configuration before returns. */
  | { readonly type: "probation"; readonly forMs: number; readonly back: boolean };

interface Probation {
  /** Monotonic milliseconds. */
  readonly endMs: number;
  readonly forMs: number;
  readonly back: boolean;
}

export class GuardWatch {
  readonly #agenda: Agenda;
  readonly #kernel: SimulatedKernel;
  readonly #broken: (violation: Violation) => void;
  readonly #forgets: () => boolean;
  /** What was asked and has no answer, the first first: requests are done in turn. */
  #asks: { readonly asked: Asked; readonly atMs: number }[] = [];
  /** An earlier process was asked. */
  #isCarried = false;
  #probation: Probation | undefined;
  /** Nobody confirmed in time, and nobody began again. */
  #lapsed = false;
  /** It ended a moment ago, and its record may still be there. */
  #ending: Probation | undefined;
  /** A process died while it ended this one. */
  #mayReturn: Probation | undefined;
  /** It lapsed while the disk took no record of that: a clock that is set back lets a start take it up again. */
  #unwritten: Probation | undefined;
  /** The kernel refused to go back, and will be asked again at the end of the next probation. */
  #owesBack = false;
  /** The wall clock was set since the probation began: a restart judges it by that. */
  #clockWasSet = false;
  #restarted = false;

  /** `forgets`: the disk may not take the record of an end. */
  constructor(
    agenda: Agenda,
    kernel: SimulatedKernel,
    broken: (violation: Violation) => void,
    forgets: () => boolean,
  ) {
    this.#agenda = agenda;
    this.#kernel = kernel;
    this.#broken = broken;
    this.#forgets = forgets;
    kernel.loaded = (plan) => this.#loaded(plan);
  }

  /** Whether the configuration before returns at the end of a probation that begins now by a reload. */
  backAfter(byReload: boolean): boolean {
    return this.mayGoBack || (byReload && this.#probation === undefined && !this.#lapsed);
  }

  /** Whether the configuration in force is one that goes again unless somebody confirms it. */
  get mayGoBack(): boolean {
    return this.#probation?.back === true || this.#owesBack;
  }

  /** Whether the time decides what must be guarded. */
  get isOnProbation(): boolean {
    return this.#probation !== undefined;
  }

  get hasLapsed(): boolean {
    return this.#lapsed;
  }

  /** Somebody asks for this, and has no answer yet. */
  ask(asked: Asked): void {
    this.#asks.push({ asked, atMs: this.#agenda.monotonicMs() });
  }

  /** The longest probation of those that were asked for. */
  get #longest(): Extract<Asked, { type: "probation" }> | undefined {
    const asked = this.#asks.flatMap((one) => (one.asked.type === "probation" ? one.asked : []));
    return asked.sort((a, b) => b.forMs - a.forMs)[0];
  }

  get #asked(): Asked | undefined {
    return this.#asks[0]?.asked;
  }

  /** The answer came; `done`: it was a yes. */
  answered(done: boolean): void {
    if (done && this.#asked?.type === "probation" && this.#probation === undefined) {
      this.#break("a probation begins", "the kernel was given none");
    }
    this.#asks.shift();
    this.#hasEnded();
  }

  #hasEnded(): void {
    if (this.#forgets()) return;
    this.#ending = undefined;
    this.#unwritten = undefined;
  }

  clockWasSet(): void {
    this.#clockWasSet = true;
  }

  /** A new process: what returns unless somebody confirms is not known to it. */
  newLife(): void {
    // Perhaps it had written down already what somebody asked for, be it the longest.
    const begun = this.#asks.flatMap(({ asked, atMs }) =>
      asked.type === "probation" ? [{ asked: { ...asked, back: false }, atMs }] : [],
    );
    this.#asks = begun.sort((a, b) => b.asked.forMs - a.asked.forMs).slice(0, 1);
    this.#isCarried = this.#asks.length > 0;
    this.#restarted = true;
    this.#owesBack = false;
    // A start that loads no guard changes nothing of it.
    if (this.#ending !== undefined) this.#mayReturn = { ...this.#ending, back: false };
    this.#ending = undefined;
    if (this.#probation !== undefined) this.#probation = { ...this.#probation, back: false };
  }

  /** Call it every few seconds; `told`: the state of the guard as a daemon knows it that runs undisturbed. */
  check(told: GuardState | undefined): void {
    if (told !== undefined) this.#hasEnded();
    const overMs = this.#agenda.monotonicMs() - (this.#probation?.endMs ?? Infinity);
    if (overMs < LATE_MS) return;
    const guarded = this.#kernel.guardedRanges.length > 0;
    if (guarded)
      this.#break("nobody is locked out by a probation", "it is over, and ports are shut");
    if (told === "probation") this.#break("a probation ends", "the daemon has not noticed");
  }

  #loaded(plan: GuardPlan): void {
    this.#judge(plan);
    if (this.#isCarried) this.#asks = [];
    this.#isCarried = false;
    this.#mayReturn = undefined;
  }

  #judge({ guarded }: GuardPlan): void {
    const nowMs = this.#agenda.monotonicMs();
    const forMs = Math.max(...guarded.map((range) => range.forMs ?? Infinity));
    const judgedAnew = this.#restarted && this.#clockWasSet;
    // The daemon ended it a second early.
    const isEarly = nowMs < (this.#unwritten?.endMs ?? -Infinity);
    if (judgedAnew || isEarly) this.#mayReturn ??= this.#unwritten;
    const before = this.#probation ?? this.#mayReturn;
    const isOver = before !== undefined && nowMs >= before.endMs - NEARLY_MS;
    if (guarded.length === 0) {
      const wasWritten =
        this.#isCarried &&
        this.#asked?.type === "probation" &&
        nowMs >= this.#asks[0]!.atMs + this.#asked.forMs - NEARLY_MS;
      if (!this.#lapsed && !isOver && !judgedAnew && !wasWritten) {
        this.#break("ports stay guarded", "a guard without ports was loaded");
      }
      this.#lapsed = true;
      if (this.#forgets() && before !== undefined) this.#unwritten = { ...before, back: false };
      this.#owesBack ||= before?.back === true;
      this.#probation = undefined;
      return;
    }
    if (this.#lapsed && this.#asked?.type !== "probation" && this.#mayReturn === undefined) {
      this.#break("what lapsed stays open", "until somebody begins again");
    }
    this.#lapsed = false;
    if (forMs === Infinity) this.#loadedForGood(isOver);
    else this.#loadedOnProbation(nowMs, forMs);
  }

  #loadedForGood(isOver: boolean): void {
    const before = this.#probation;
    this.#probation = undefined;
    this.#ending = before ?? (this.#forgets() ? this.#ending : undefined);
    this.#owesBack = false;
    if (before === undefined || this.#asked?.type === "confirm") return;
    if (isOver && before.back) return;
    this.#break("a probation ends by a confirmation", "the guard is permanent without one");
  }

  #loadedOnProbation(nowMs: number, forMs: number): void {
    const endMs = nowMs + forMs;
    const before = this.#probation ?? this.#mayReturn;
    const first = this.#asked?.type === "probation" ? this.#asked : undefined;
    const asked = this.#isCarried ? this.#longest : first;
    if (before === undefined && asked === undefined) {
      this.#break("ports stay guarded", "a probation that nobody asked for");
      return;
    }
    const judgedAnew = this.#restarted && this.#clockWasSet;
    const latestMs = Math.max(
      judgedAnew ? nowMs + (before?.forMs ?? 0) : (before?.endMs ?? 0),
      nowMs + (asked?.forMs ?? 0),
    );
    if (endMs > latestMs + NEARLY_MS) {
      const more = Math.round((endMs - latestMs) / 1_000);
      this.#break("no probation is longer than asked", `${more} s more`);
    }
    if (asked !== undefined) {
      this.#clockWasSet = false;
      this.#restarted = false;
    }
    // A start goes on with what was asked for last, or with what was in force until then.
    const carriedMs = this.#isCarried ? (before?.forMs ?? 0) : 0;
    this.#probation = {
      endMs,
      forMs: asked === undefined ? before!.forMs : Math.max(asked.forMs, carriedMs),
      back: asked?.back ?? before!.back,
    };
  }

  #break(promise: string, detail: string): void {
    this.#broken(new Violation(promise, detail));
  }
}
