/** Captures: a packet waits in each that is attached when it comes, and is lost with the last of these. */

import type { Knock } from "../../src/core/knock.ts";
import type { Hears } from "../../src/data-plane/hearing.ts";
import type { Matcher } from "../../src/match/matcher.ts";

interface Attached {
  /** What it hears, and where. */
  readonly what: string;
  readonly waiting: Knock[];
}

export class SimulatedCaptures {
  readonly #take: (knock: Knock, feed: (knock: Knock) => void) => void;
  readonly #attached = new Map<Disposable, Attached>();

  /** `take` is what the data plane does with a packet. */
  constructor(take: (knock: Knock, feed: (knock: Knock) => void) => void) {
    this.#take = take;
  }

  /** Takes over those of `before` that hear the same. */
  attach(matcher: Matcher, what: string, before?: Disposable): Hears {
    const old = before && this.#attached.get(before);
    const waiting = old?.what === what ? old.waiting : [];
    if (before !== undefined && waiting === old?.waiting) this.#attached.delete(before);
    const takeWaiting = (feed: (knock: Knock) => void) => {
      const own = this.#attached.get(captures)?.waiting ?? [];
      for (const knock of own.splice(0)) this.#take(knock, feed);
      return [];
    };
    const captures: Hears = {
      attached: ["eth0"],
      missing: [],
      down: [],
      standsIn: false,
      attachMissing: () => [],
      countDrops: () => ({ fresh: 0, lost: [] }),
      drain: () => [],
      takeWaiting: () => takeWaiting((knock) => matcher.feed(knock)),
      end: (next) => {
        takeWaiting((knock) => next.feedRotating(knock));
        this.#attached.delete(captures);
      },
      [Symbol.dispose]: () => void this.#attached.delete(captures),
    };
    this.#attached.set(captures, { what, waiting });
    return captures;
  }

  packet(knock: Knock): void {
    for (const { waiting } of this.#attached.values()) waiting.push(knock);
  }
}
