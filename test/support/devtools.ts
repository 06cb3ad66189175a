/** The DevTools protocol over a pipe: requests, their answers, and events as they come. */

import type { FileSink } from "bun";

/** An answer that has not come by then is a failure. */
const PATIENCE_MS = 20_000;

export interface DevToolsEvent {
  readonly method: string;
  /** As the protocol describes them for the method. */
  readonly params: Record<string, unknown>;
  /** The session of the page that it came from; none for the browser itself. */
  readonly sessionId?: string;
}

type Listener = (event: DevToolsEvent) => void;

/** `ends` are the descriptors that the browser hears and answers with (its own 3 and 4). */
export class DevTools {
  readonly #to: FileSink;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #listeners = new Set<Listener>();
  #last = 0;
  #text = "";

  constructor(ends: { readonly to: number; readonly from: number }) {
    this.#to = Bun.file(ends.to).writer();
    void this.#read(Bun.file(ends.from).stream());
  }

  /** Calls a method and returns its result; throws what the browser said where it refused. */
  async send<T = unknown>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#last;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const timer = setTimeout(
      () => waiting.reject(new Error(`${method}: no answer within ${PATIENCE_MS} ms`)),
      PATIENCE_MS,
    );
    try {
      await this.#to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
      await this.#to.flush();
      return (await waiting.promise) as T;
    } catch (cause) {
      throw new Error(`${method}: ${(cause as Error).message}`, { cause });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Hears every event from now on, until the function it returns is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Reads until the browser has ended. */
  async #read(from: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of from) this.#split(decoder.decode(bytes, { stream: true }));
    } finally {
      for (const waiting of this.#waiting.values()) {
        waiting.reject(new Error("the browser ended"));
      }
    }
  }

  #split(text: string): void {
    const messages = (this.#text + text).split("\0");
    this.#text = messages.pop()!;
    for (const message of messages) this.#take(JSON.parse(message));
  }

  #take(message: { id?: number; error?: { message: string }; result?: unknown } & DevToolsEvent) {
    if (message.id === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new Error(message.error.message));
  }
}
