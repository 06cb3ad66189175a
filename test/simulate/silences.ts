/** Passes over the long silences of a story of years, where nothing is due and nobody talks. */

import { placeId } from "../../src/core/grant.ts";
import type { Debt } from "../../src/store/owed.ts";
import { randomFrom } from "../support/random.ts";
import type { Agenda } from "./agenda.ts";
import type { LivingSession } from "./living-sessions.ts";
import { readLog } from "./read-log.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { MemoryWatch } from "./memory-watch.ts";
import type { Requests } from "./requests.ts";
import { nextSeldomMs, type Quiet, Silence } from "./silence.ts";
import { stateOf } from "./state.ts";
import type { Watches } from "./watches.ts";

interface SilencesParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly kernel: SimulatedKernel;
  readonly disk: SimulatedDisk;
  readonly diskTrouble: Pick<DiskTrouble, "mayLack">;
  readonly process: Pick<DaemonProcess, "adopted" | "daemon" | "isDoomed" | "isGone" | "running">;
  readonly requests: Pick<Requests, "isWaiting">;
  readonly sessions: ReadonlySet<LivingSession>;
  readonly memory: MemoryWatch;
  readonly watches: Pick<Watches, "audit" | "guard">;
}

export class Silences {
  readonly #parts: SilencesParts;
  #passedMs = 0;

  constructor(parts: SilencesParts) {
    this.#parts = parts;
  }

  /** The time that was passed over. */
  get passedMs(): number {
    return this.#passedMs;
  }

  /** Passes over silences until then; `seed`: for the moments at which they are looked into. */
  passOver(endMs: number, seed: number): void {
    const { agenda, chronicle, kernel, memory, process } = this.#parts;
    agenda.at(endMs, () => undefined);
    const quiet: Quiet = {
      told: () => chronicle.lines.length,
      state: () => {
        memory.check();
        this.#checkLog();
        return stateOf(process.daemon, this.#parts);
      },
      untilMs: () => this.#nextChangeMs(),
      passed: (ms) => {
        memory.silencePassed();
        this.#passedMs += ms;
        kernel.collect();
        kernel.loadedLater(ms);
      },
    };
    void new Silence(agenda, quiet, randomFrom(seed));
  }

  #checkLog(): void {
    const { agenda, chronicle, disk, diskTrouble, process, watches } = this.#parts;
    const log = disk.audit;
    if (log === undefined || diskTrouble.mayLack || process.daemon === undefined) return;
    chronicle.judge(watches.audit.check(readLog(log), agenda));
  }

  /** When the next thing is due that is no repetition; the present where it may be due at any time. */
  #nextChangeMs(): number {
    const { agenda, kernel, process, sessions, watches } = this.#parts;
    const nowMs = agenda.monotonicMs();
    const { daemon, isGone } = process;
    if (!isGone && !this.#isSettled()) return nowMs;
    // Whoever talks moves the end of a grant.
    if (watches.guard.isOnProbation || sessions.size > 0) return nowMs;
    return Math.min(
      nextSeldomMs(agenda),
      kernel.nextEndMs,
      daemon?.opening.ledger.nextEndMs ?? Infinity,
      ...(daemon?.persistent.owed.living() ?? []).map((debt) => this.#dueMs(daemon!, debt)),
    );
  }

  #isSettled(): boolean {
    const { agenda, process, requests } = this.#parts;
    const daemon = process.running;
    if (daemon === undefined || process.isDoomed || requests.isWaiting(daemon)) return false;
    if (daemon.untold > 0 || daemon.guard.state === "probation") return false;
    const { persistent, hearing } = daemon;
    return persistent.waitsUntilMs(hearing.plan.rotating) <= agenda.wallMs();
  }

  /** When a debt is due of which no event tells. */
  #dueMs({ openings }: Daemon, { grant, endsMs, lifeMs = Infinity }: Debt): number {
    if ([...openings.grants()].some((living) => placeId(living) === grant)) return Infinity;
    const { wallMs, monotonicMs } = this.#parts.process.adopted;
    return monotonicMs + Math.min(endsMs - wallMs, lifeMs);
  }
}
