/** Captures: a packet waits in each that is attached when it comes, and is lost with the last of these. */

import type { Knock } from "../../src/core/knock.ts";
import type { Hears } from "../../src/data-plane/hearing.ts";
import type { Matcher } from "../../src/match/matcher.ts";

export class SimulatedCaptures {
  readonly #take: (knock: Knock, matcher: Matcher) => void;
  readonly #attached = new Map<Hears, Knock[]>();

  /** `take` is what the data plane does with a packet. */
  constructor(take: (knock: Knock, matcher: Matcher) => void) {
    this.#take = take;
  }

  attach(matcher: Matcher): Hears {
    const waiting: Knock[] = [];
    const captures: Hears = {
      matcher,
      attached: ["eth0"],
      missing: [],
      standsIn: false,
      attachMissing: () => [],
      countDrops: () => ({ fresh: 0, lost: [] }),
      drain: () => [],
      takeWaiting: () => {
        for (const knock of waiting.splice(0)) this.#take(knock, matcher);
      },
      [Symbol.dispose]: () => void this.#attached.delete(captures),
    };
    this.#attached.set(captures, waiting);
    return captures;
  }

  packet(knock: Knock): void {
    for (const waiting of this.#attached.values()) waiting.push(knock);
  }
}
