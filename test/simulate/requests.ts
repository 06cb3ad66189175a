/** Asks a daemon for something, and looks whether both planes agree when every answer has come. */

import { SallyportError } from "../../src/core/errors.ts";
import type { Agenda } from "./agenda.ts";
import { contradiction, strangeKey } from "./agreement.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Disturbances } from "./disturbances.ts";
import type { Asked, GuardWatch } from "./guard-watch.ts";
import type { KeyRing } from "./key-ring.ts";
import type { SimulatedKernel } from "./kernel.ts";

/** What one deed set going is over. */
export const SETTLED_MS = 500;

interface RequestsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly kernel: SimulatedKernel;
  readonly disk: Pick<SimulatedDisk, "withoutRoot">;
  readonly keys: Pick<KeyRing, "living">;
  readonly process: Pick<DaemonProcess, "daemon" | "fail" | "isAlive" | "run" | "running">;
  readonly guard: Pick<GuardWatch, "answered" | "ask">;
}

interface Wish {
  /** "open ssh for bob" */
  readonly what: string;
  readonly work: (daemon: Daemon) => Promise<void>;
  /** What the guard is to do by it; absent: nothing. */
  readonly asked?: Asked | undefined;
  /** It costs no knock its opening where its door and its key stay; false where absent. */
  readonly isGentle?: boolean;
}

export class Requests {
  readonly #parts: RequestsParts;
  /** How many have no answer. */
  readonly #waiting = new WeakMap<Daemon, number>();

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  ask({ what, work, asked, isGentle = false }: Wish): void {
    const { chronicle, disturbances, process, guard } = this.#parts;
    chronicle.note(`somebody asks: ${what}`);
    if (isGentle) disturbances.disturbGently();
    else disturbances.disturb();
    const daemon = process.running;
    if (daemon === undefined) return;
    if (asked !== undefined) guard.ask(asked);
    this.#waiting.set(daemon, this.#count(daemon) + 1);
    process.run(() => {
      work(daemon).then(
        () => this.#answered(daemon, asked, true),
        (error: unknown) => this.#refused(daemon, asked, error),
      );
    });
  }

  /** Whether somebody waits for an answer of this daemon. */
  isWaiting(daemon: Daemon): boolean {
    return this.#count(daemon) > 0;
  }

  /** Both planes and the kernel work by one configuration where nobody waits for another one. */
  checkWhole(): void {
    const { chronicle, disturbances, keys, kernel, process } = this.#parts;
    const daemon = process.running;
    if (daemon === undefined || this.isWaiting(daemon)) return;
    const { untamperedMs } = disturbances;
    chronicle.judge(contradiction(daemon, kernel, untamperedMs) ?? strangeKey(daemon, keys.living));
  }

  #refused(daemon: Daemon, asked: Asked | undefined, error: unknown): void {
    if (!this.#isPresent(daemon)) return;
    const { chronicle, disk, disturbances, process } = this.#parts;
    if (!(error instanceof SallyportError)) process.fail(error);
    else chronicle.note(`refused: ${disk.withoutRoot(error.message)}`);
    // Knocks were heard by what was refused, for a moment.
    disturbances.disturb();
    this.#answered(daemon, asked, false);
  }

  #answered(daemon: Daemon, asked: Asked | undefined, done: boolean): void {
    if (!this.#isPresent(daemon)) return;
    const { agenda, disturbances, guard } = this.#parts;
    if (asked !== undefined) guard.answered(done);
    this.#waiting.set(daemon, this.#count(daemon) - 1);
    if (this.isWaiting(daemon)) return;
    const { count } = disturbances;
    agenda.after(SETTLED_MS, () => {
      if (count === disturbances.count) this.checkWhole();
    });
  }

  #isPresent(daemon: Daemon): boolean {
    const { process } = this.#parts;
    return daemon === process.daemon && process.isAlive;
  }

  #count(daemon: Daemon): number {
    return this.#waiting.get(daemon) ?? 0;
  }
}
