/** Reads a child's output line by line and waits for a certain line. */

import { SallyportError } from "../../core/errors.ts";

const PATIENCE_MS = 10_000;

export class LineReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next line like `pattern`; lines before it are dropped. Throws when none comes in ten seconds. */
  async next(pattern: RegExp): Promise<string> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new SallyportError(`The demo failed: nothing like ${pattern} came`)),
      PATIENCE_MS,
    );
    try {
      for (;;) {
        const line = this.#take();
        if (line === undefined) await Promise.race([this.#more(), late.promise]);
        else if (pattern.test(line)) return line;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(): string | undefined {
    const end = this.#text.indexOf("\n");
    if (end < 0) return undefined;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true)
      throw new SallyportError(`The demo failed: a program ended early: ${this.#text}`);
    this.#text += this.#decoder.decode(value, { stream: true });
  }
}
