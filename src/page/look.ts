/** Looks whether the port of a door answers, as far as a page can see. */

import { addressOf } from "./address.ts";

type Web = "http" | "https";

/** `answered`: something speaks the web there. `closed`: refused, or something else speaks there. */
export type Answer =
  | { readonly kind: "answered"; readonly scheme: Web }
  | { readonly kind: "closed" }
  | { readonly kind: "silent" };

const SILENT: Answer = { kind: "silent" };

/** How long a port that does not answer is called silent before the knock. */
const BEFORE_MS = 300;
/**
 * When to ask after a knock: a door of a machine nearby is open at once, and questions that came too early
 * are asked again by the kernel after a second. With the one before they are six, all that browsers allow.
 */
const ASK_AT_MS = [10, 60, 150, 400, 1_100] as const;
const GIVE_UP_MS = 2_500;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A page from https may not ask for http. */
function schemes(page: string): readonly Web[] {
  return page === "https:" ? ["https"] : ["http", "https"];
}

export class Look implements Disposable {
  readonly #host: string;
  readonly #port: number;
  readonly #schemes: readonly Web[];
  readonly #end = new AbortController();

  constructor(host: string, port: number, page: string = location.protocol) {
    this.#host = host;
    this.#port = port;
    this.#schemes = schemes(page);
  }

  /** The answer before a knock. */
  async before(): Promise<Answer> {
    return await Promise.race([this.#ask(), pause(BEFORE_MS).then(() => SILENT)]);
  }

  /**
   * The answer to a knock that has just been sent. A port that closed connections before may open a
   * moment later, and is asked again.
   */
  async after(before: Answer): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    let last: Answer = SILENT;
    for (const atMs of ASK_AT_MS) {
      void pause(atMs).then(async () => {
        if (this.#end.signal.aborted) return;
        const answer = await this.#ask();
        if (answer.kind !== "silent") last = answer;
        if (answer.kind === "answered" || (answer.kind === "closed" && before.kind === "silent")) {
          resolve(answer);
        }
      });
    }
    void pause(GIVE_UP_MS).then(() => resolve(last));
    return await promise;
  }

  /** Ends what has not been answered. */
  [Symbol.dispose](): void {
    this.#end.abort();
  }

  /** One question in each scheme. Those of before are not ended: a browser would give their sockets to this one. */
  async #ask(): Promise<Answer> {
    const asked = this.#schemes.map(async (scheme) => {
      await fetch(addressOf(scheme, this.#host, this.#port), {
        method: "HEAD",
        mode: "no-cors",
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: this.#end.signal,
      });
      return { kind: "answered", scheme } as const;
    });
    try {
      return await Promise.any(asked);
    } catch {
      return this.#end.signal.aborted ? SILENT : { kind: "closed" };
    }
  }
}
