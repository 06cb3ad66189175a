/** Looks for sources that came close to opening a door: a while after knocks were heard, and never in silence. */

/** A little longer than the silence after which the data plane considers a try over. */
const LOOK_MS = 2_100;

export class NearMissWatch {
  readonly #look: () => Promise<boolean>;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Knocks were heard before or during a look: their try may not be over by then. */
  #heardMore = false;
  #stopped = false;

  /** `look` resolves to whether there may be more to see; it must not reject. */
  constructor(look: () => Promise<boolean>, delayMs = LOOK_MS) {
    this.#look = look;
    this.#delayMs = delayMs;
  }

  /** Knocks were heard just now. */
  heard(): void {
    if (this.#timer === undefined) this.#wait();
    else this.#heardMore = true;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#lookNow(), this.#delayMs);
  }

  async #lookNow(): Promise<void> {
    const more = await this.#look();
    const again = more || this.#heardMore;
    this.#timer = undefined;
    this.#heardMore = false;
    if (again) this.#wait();
  }
}
