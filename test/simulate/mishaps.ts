/** What befalls the machine: its clock, its disk, the kernel, and other programs that touch its table. */

import { randomFrom } from "../support/random.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { Disturbances } from "./disturbances.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LossWatch } from "./loss-watch.ts";
import type { Deed } from "./story.ts";
import type { Watches } from "./watches.ts";

interface MishapsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly kernel: SimulatedKernel;
  readonly diskTrouble: DiskTrouble;
  readonly process: Pick<DaemonProcess, "daemon" | "isAlive" | "run">;
  readonly losses: LossWatch;
  readonly watches: Pick<Watches, "clockWasSet" | "sessions">;
}

export class Mishaps {
  readonly #parts: MishapsParts;

  constructor(parts: MishapsParts) {
    this.#parts = parts;
  }

  setClock(byMs: number): void {
    const { agenda, chronicle, disturbances, losses, process, watches } = this.#parts;
    agenda.set(byMs);
    losses.clockWasSet(byMs);
    watches.clockWasSet(byMs);
    disturbances.disturb();
    chronicle.note(`somebody sets the clock by ${byMs / 1_000} s`);
    process.run(() => process.daemon?.clockWasSet());
  }

  flush(): void {
    const { chronicle, disturbances, kernel } = this.#parts;
    chronicle.note("another program flushes the rule set");
    disturbances.tamper();
    kernel.flush();
  }

  empty({ set, unheard, single }: Extract<Deed, { type: "empty" }>): void {
    const { chronicle, disturbances, kernel, process } = this.#parts;
    // Nobody can know of a use that only the kernel knew, and that somebody took from its set.
    if (set === "uses" && !process.isAlive) return;
    const what = single === undefined ? "empties" : "takes one of";
    chronicle.note(`another program ${what} ${set}${unheard ? ", unheard" : ""}`);
    disturbances.tamper();
    kernel.empty((name) => name.startsWith(set), unheard, single);
  }

  spoil(): void {
    const { chronicle, disturbances, kernel } = this.#parts;
    chronicle.note("another program adds a rule");
    disturbances.tamper();
    kernel.spoilRules();
  }

  failKernel({ fault, times }: Extract<Deed, { type: "kernel fault" }>): void {
    const { chronicle, disturbances, kernel } = this.#parts;
    chronicle.note(`the kernel is about to have ${fault}, ${times} times`);
    disturbances.disturb();
    for (let i = 0; i < times; i++) kernel.faults.add(fault);
  }

  delayNotices({ forMs, seed }: Extract<Deed, { type: "late notices" }>): void {
    const { chronicle, disturbances, kernel } = this.#parts;
    chronicle.note(`notices of the kernel come late for ${Math.round(forMs / 1_000)} s`);
    disturbances.disturb();
    kernel.notices.delay(forMs, randomFrom(seed));
  }

  failDisk({ code, forMs }: Extract<Deed, { type: "disk" }>): void {
    const { chronicle, diskTrouble, losses, watches } = this.#parts;
    chronicle.note(`the disk refuses: ${code} for ${Math.round(forMs / 1_000)} s`);
    losses.mayLose();
    watches.sessions.logFailed();
    diskTrouble.begin(code, forMs);
  }

  /** Nothing befalls the machine any more. */
  end(): void {
    this.#parts.diskTrouble.mend();
    this.#parts.kernel.mend();
  }
}
