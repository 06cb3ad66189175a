/** Knows which configuration a start works by where the file is broken: the one that worked last. */

import { SallyportError } from "../../src/core/errors.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { GuardWatch } from "./guard-watch.ts";
import { numberOf } from "./world.ts";

interface KeptParts {
  readonly chronicle: Chronicle;
  readonly disk: Pick<SimulatedDisk, "withoutRoot">;
  readonly diskTrouble: Pick<DiskTrouble, "mayLack">;
  readonly guard: Pick<GuardWatch, "mayGoBack">;
}

export class KeptConfiguration {
  readonly #parts: KeptParts;
  /** It is one of these; undefined: perhaps none is. */
  #numbers: readonly (number | undefined)[] = [undefined];

  constructor(parts: KeptParts) {
    this.#parts = parts;
  }

  /** Makes a daemon. Undefined where it works by another configuration than the one that is kept. */
  judge(make: () => Daemon): Daemon | undefined {
    const daemon = this.#make(make);
    const { mistake, settings } = daemon.inForce.configuration;
    if (mistake === undefined) return daemon;
    const { chronicle } = this.#parts;
    const number = numberOf(settings.doors);
    chronicle.note(`the file is broken: configuration ${number} is in force`);
    if (this.#numbers.includes(number)) return daemon;
    const what = `${number} is in force, kept ${this.#numbers.join(" or ")}`;
    chronicle.break("a broken file leaves what worked last", what);
    return undefined;
  }

  /** What is in force is kept, unless nobody has confirmed it yet: then what worked before stays. */
  keep({ inForce, guard: { state } }: Daemon): void {
    const { diskTrouble, guard } = this.#parts;
    if (guard.mayGoBack || state !== "permanent") return;
    const number = numberOf(inForce.settings.doors);
    this.#numbers = diskTrouble.mayLack ? [...new Set([...this.#numbers, number])] : [number];
  }

  #make(make: () => Daemon): Daemon {
    try {
      return make();
    } catch (error) {
      if (error instanceof SallyportError && !this.#numbers.includes(undefined)) {
        const { chronicle, disk } = this.#parts;
        chronicle.break("a broken file ends no start", disk.withoutRoot(error.message));
      }
      throw error;
    }
  }
}
