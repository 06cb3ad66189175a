/** The timers of the program under test, on the simulated clock: they die with its process. */

import type { Agenda } from "./agenda.ts";

const NAMES = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
] as const;

/** The runtime takes a longer time, or none, for a mistake: the timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

type Work = (...rest: unknown[]) => unknown;

export class Timers {
  readonly #agenda: Agenda;
  /** Runs a piece of the program's work, which may end its process. */
  readonly #run: (work: () => void) => void;
  readonly #living = new Set<SimulatedTimer>();
  #isDead = false;

  constructor(agenda: Agenda, run: (work: () => void) => void) {
    this.#agenda = agenda;
    this.#run = run;
  }

  /** A process begins. */
  begin(): void {
    this.#isDead = false;
  }

  /** The process is dead: none of its timers fires any more, nor any that it still starts. */
  clear(): void {
    this.#isDead = true;
    for (const timer of this.#living) this.#agenda.cancel(timer.number);
    this.#living.clear();
  }

  /** Puts these timers in the place of the runtime's own, until the result is called. */
  install(): () => void {
    const scope = globalThis as unknown as Record<(typeof NAMES)[number], unknown>;
    const before = NAMES.map((name) => scope[name]);
    const start =
      (again: boolean) =>
      (work: Work, ms?: number, ...rest: unknown[]) =>
        this.#start(() => void work(...rest), timeOf(ms), again);
    const stop = (timer: unknown) => {
      if (timer instanceof SimulatedTimer) this.#stop(timer);
    };
    scope.setTimeout = start(false);
    scope.setInterval = start(true);
    scope.setImmediate = (work: Work, ...rest: unknown[]) =>
      this.#start(() => void work(...rest), 0, false);
    scope.clearTimeout = scope.clearInterval = scope.clearImmediate = stop;
    return () => NAMES.forEach((name, i) => (scope[name] = before[i]));
  }

  #start(work: () => void, ms: number, again: boolean): SimulatedTimer {
    const timer = new SimulatedTimer();
    if (this.#isDead) return timer;
    const fire = () => {
      if (again) timer.number = this.#agenda.after(ms, fire);
      else this.#living.delete(timer);
      this.#run(work);
    };
    timer.number = this.#agenda.after(ms, fire);
    this.#living.add(timer);
    return timer;
  }

  #stop(timer: SimulatedTimer): void {
    if (this.#living.delete(timer)) this.#agenda.cancel(timer.number);
  }
}

function timeOf(ms = 0): number {
  return ms >= 1 && ms <= LONGEST_MS ? ms : 1;
}

class SimulatedTimer {
  number = 0;

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}
