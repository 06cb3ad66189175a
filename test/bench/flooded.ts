/** Honest knocks in the middle of a flood: how many open, how soon, and what the kernel lost on the way. */

import { rounded } from "./figures.ts";
import type { Load } from "./load/load.ts";
import type { Place } from "./line-up.ts";
import type { ProbeAnswer } from "./probe.ts";
import { GAP_US } from "./prober-process.ts";
import { openingFigures } from "./rounds.ts";
import { honestPackets, startWatch } from "./watch.ts";

/** Like sallyport's own client: each knock twice, in random order. No second try. */
const COPIES = 2;

/** The flood alone before the first knock: queues and tables are full by then. */
const LEAD_MS = 500;

/** Openings that take no longer than this; a person at a terminal would not wait longer. */
const PATIENCE_MS = 500;

/** When nobody got in after so many tries, the rest would only take time. */
const HOPELESS = 40;

/** One contestant under one load, over all rounds. */
export class Flooded {
  readonly place: Place;
  readonly condition: string;
  readonly #answers: ProbeAnswer[] = [];
  #lostBefore = 0;
  #lostInTracking = 0;
  #missed = 0;

  constructor(place: Place, condition: string) {
    this.place = place;
    this.condition = condition;
  }

  static watch({ stage }: Place): void {
    startWatch(stage.lab);
  }

  /** Enough was tried, and nobody got in. */
  get hopeless(): boolean {
    const opened = this.#answers.flatMap((answer) => answer.opened);
    return opened.length >= HOPELESS && opened.every(({ us }) => us === null);
  }

  /**
   * Tries `count` openings under a load made for this moment; null: none. `gapUs` is the pause
   * between two knocks.
   */
  async round(count: number, load: Load | null, gapUs = GAP_US): Promise<void> {
    const { stage, running } = this.place;
    const openings = await running.prepare(stage.sources(count), { copies: COPIES });
    const before = honestPackets(stage.lab);
    const missed = (await running.missed?.()) ?? 0;
    const answer = await stage.prober.open(openings, {
      load,
      leadMs: load === null ? 0 : LEAD_MS,
      patienceMs: PATIENCE_MS,
      gapUs,
    });
    const after = honestPackets(stage.lab);
    this.#answers.push(answer);
    this.#lostBefore += answer.honest - (after.ingress - before.ingress);
    this.#lostInTracking += after.raw - before.raw - (after.tracked - before.tracked);
    this.#missed += ((await running.missed?.()) ?? 0) - missed;
  }

  figures(): Record<string, number> {
    const sent = this.#answers.reduce((sum, { load }) => sum + load.sent, 0);
    const seconds = this.#answers.reduce((sum, { load }) => sum + load.seconds, 0);
    return {
      ...openingFigures(this.#answers),
      ...(sent > 0 ? { framesPerSecond: Math.round(sent / seconds) } : {}),
      honestLostBefore: this.#lostBefore,
      honestLostInTracking: this.#lostInTracking,
      ...(this.place.running.missed ? { missedOfFlood: rounded(this.#missed / (sent || 1)) } : {}),
    };
  }
}
