/** One life of the process under test: it runs the work of the daemon, and ends at a border of it. */

export interface Death {
  /** So many borders pass before it comes. */
  left: number;
  /** Counts only borders of this name. */
  readonly at?: string | undefined;
  readonly how: "kill" | "power cut";
  readonly downMs: number;
  readonly seed: number;
}

/** The process is dead; nothing of its work goes on. */
export class Killed extends Error {
  override readonly name = "Killed";
}

interface LifeParts {
  /** Its work threw something else than its death. */
  readonly failed: (error: unknown) => void;
  /** Death came at this border. */
  readonly dies: (death: Death, where: string) => void;
  /** The process is dead from this moment on. */
  readonly died: () => void;
}

export class Life {
  readonly #parts: LifeParts;
  #isAlive = true;
  #isBuried = false;
  #death: Death | undefined;

  /** `death` waits for it from the beginning. */
  constructor(parts: LifeParts, death: Death | undefined) {
    this.#parts = parts;
    this.#death = death;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** It died, and its files have a new owner. */
  get isBuried(): boolean {
    return this.#isBuried;
  }

  /** How it ended, or is about to; undefined: nothing waits for it. */
  get death(): Death | undefined {
    return this.#death;
  }

  /** Undefined: it is spared. */
  condemn(death: Death | undefined): void {
    this.#death = death;
  }

  /** Does a piece of the daemon's work, unless the process is dead. */
  run(work: () => void): void {
    if (!this.#isAlive) return;
    try {
      work();
    } catch (error) {
      this.#parts.failed(error);
    }
  }

  /** A border of the daemon's work; throws Killed where the process is dead. */
  border(where: string): void {
    if (!this.#isAlive) throw new Killed();
    const death = this.#death;
    if (death === undefined || (death.at !== undefined && death.at !== where)) return;
    if (death.left-- > 0) return;
    this.#parts.dies(death, where);
    this.die(death);
    throw new Killed();
  }

  die(death: Death): void {
    this.#isAlive = false;
    this.#parts.died();
    this.#death = death;
  }

  bury(): void {
    this.#isBuried = true;
    this.#death = undefined;
  }

  /** The story is over: nothing of its work goes on. */
  leave(): void {
    this.#isAlive = false;
  }
}
