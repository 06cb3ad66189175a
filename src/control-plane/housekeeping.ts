/** Work that no event asks for: soon again while something waits, and seldom otherwise. */

/** While something waits: sentences that count seconds are kept up to the second. */
const BUSY_MS = 1_000;

/** Else, should an event have been missed. */
const REST_MS = 30_000;

export class Housekeeping {
  readonly #work: () => Promise<boolean>;
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  #again = false;
  #stopped = false;

  /** `work` resolves to whether something waits; it must not reject. Nothing is done before `now`. */
  constructor(work: () => Promise<boolean>) {
    this.#work = work;
  }

  /** Something happened that may make work due: works at once, one at a time. */
  now(): void {
    if (this.#working) this.#again = true;
    else if (!this.#stopped) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#working = true;
    let waits = false;
    do {
      this.#again = false;
      waits = await this.#work();
    } while (this.#again && !this.#stopped);
    this.#working = false;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#run(), waits ? BUSY_MS : REST_MS);
  }
}
