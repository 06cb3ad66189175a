/** Holds the wait after a loss to its reason: uses may be lost, or a clock was set. */

import { slotAt } from "../../src/rks/slot.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { SpentUses } from "./spent-uses.ts";

/** Until a loss is over for later runs, too: `2 · skew + 1` slots, with the longest slots and the largest skew of all configurations. */
const LONGEST_WAIT_MS = 240_000;

export class LossWatch {
  readonly #agenda: Agenda;
  readonly #chronicle: Chronicle;
  readonly #uses: Pick<SpentUses, "lose" | "forgive">;
  /** Why a start may believe that uses are lost. */
  #mayWait = false;
  #doubtMs = -Infinity;
  #wasSetBack = false;
  /** Since a daemon last judged what it remembers: the wait begins anew. */
  #wasSet = false;
  /** A start did not know all uses. */
  #hasLost = false;

  constructor(agenda: Agenda, chronicle: Chronicle, uses: Pick<SpentUses, "lose" | "forgive">) {
    this.#agenda = agenda;
    this.#chronicle = chronicle;
    this.#uses = uses;
  }

  /** The wall clock was once behind where it had been: slots come again. */
  get wasSetBack(): boolean {
    return this.#wasSetBack;
  }

  /** The next start may miss uses. */
  mayLose(): void {
    this.#mayWait = true;
  }

  clockWasSet(byMs: number): void {
    this.#wasSetBack ||= byMs < 0;
    this.#wasSet = true;
    // The slots that a loss made doubtful come again, and are believed.
    if (byMs < 0 && this.#hasLost) this.#uses.forgive();
    this.#doubtMs = this.#agenda.wallMs();
  }

  /** A daemon has judged what it remembers; `mayLose`: the next one may miss what this one is about to write. */
  judge({ persistent, hearing }: Daemon, kernelForgot: boolean, mayLose: boolean): void {
    const nowMs = this.#agenda.wallMs();
    const waitsUntilMs = persistent.waitsUntilMs(hearing.plan.rotating);
    if (persistent.lost !== undefined && waitsUntilMs > nowMs) {
      this.#chronicle.note(`rotating doors wait: ${persistent.lost}`);
      this.#hasLost = true;
      if (kernelForgot) this.#uses.lose();
      if (this.#mayWait || kernelForgot || this.#wasSet) this.#doubtMs = nowMs;
      else if (nowMs - this.#doubtMs >= LONGEST_WAIT_MS) {
        this.#chronicle.break("nobody waits without a reason", persistent.lost);
      }
    }
    this.#mayWait = mayLose;
    this.#wasSet = false;
  }

  /** Whether the daemon refuses the slot since it may be one that was lost. */
  isDoubtful(
    daemon: Daemon | undefined,
    slot: number,
    { stepSeconds, skew }: { readonly stepSeconds: number; readonly skew: number },
  ): boolean {
    if (daemon?.persistent.lost === undefined) return false;
    return slot <= slotAt(this.#doubtMs, stepSeconds) + skew;
  }
}
