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

  /**
   * What is in force is about to be kept, unless nobody has confirmed it yet: then what worked before stays. The
   * process may die on the way.
   */
  enters(daemon: Daemon): void {
    const number = this.#confirmed(daemon);
    if (number !== undefined) this.#numbers = [...new Set([...this.#numbers, number])];
  }

  /** A daemon that nothing disturbs has kept it, where the disk took it. */
  keep(daemon: Daemon): void {
    const number = this.#confirmed(daemon);
    if (number !== undefined && !this.#parts.diskTrouble.mayLack) this.#numbers = [number];
  }

  /** The configuration in force; undefined where nobody has confirmed it yet. */
  #confirmed({ inForce, guard: { state } }: Daemon): number | undefined {
    if (this.#parts.guard.mayGoBack || state !== "permanent") return undefined;
    return numberOf(inForce.settings.doors);
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
