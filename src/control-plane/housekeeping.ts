/** Work that no event starts: repeated soon while a job waits, and seldom otherwise. */

/** The pause while a job waits: figures in seconds stay right to the second. */
const BUSY_MS = 1_000;

/** The pause otherwise, in case an event was missed, or none tells: a socket that was removed. */
const REST_MS = 30_000;

export class Housekeeping {
  readonly #work: () => Promise<boolean>;
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  #again = false;
  #stopped = false;

  /** `work` resolves to whether a job waits; it must not reject. Nothing runs before `now`. */
  constructor(work: () => Promise<boolean>) {
    this.#work = work;
  }

  /** An event may have made work due: runs it at once, one run at a time. */
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
