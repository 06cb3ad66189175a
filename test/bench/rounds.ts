/** Openings of all contestants in turns: a disturbance of the machine hits all alike. */

import { quantile, rounded } from "./figures.ts";
import type { LineUp, Place } from "./line-up.ts";
import type { Opened, ProbeAnswer } from "./probe.ts";
import type { ProbeOptions } from "./prober-process.ts";

export interface Rounds {
  readonly rounds: number;
  readonly openingsEach: number;
  /** How often each knock is sent; contestants that take no repeats send one. Default 1. */
  readonly copies?: number;
}

/** The results of one contestant over all rounds. */
export interface Tally {
  readonly place: Place;
  readonly answers: ProbeAnswer[];
}

/**
 * `optionsFor` is called anew in each round, since a load may hold sequences that are valid only
 * now.
 */
export async function openInRounds(
  lineUp: LineUp,
  { rounds, openingsEach, copies = 1 }: Rounds,
  optionsFor: (place: Place) => ProbeOptions = () => ({}),
): Promise<Tally[]> {
  const tallies = new Map<Place, ProbeAnswer[]>();
  for (let round = 0; round < rounds; round++) {
    await lineUp.each(async (place) => {
      const { stage, running } = place;
      const openings = await running.prepare(stage.sources(openingsEach), { copies });
      const answer = await stage.prober.open(openings, optionsFor(place));
      tallies.set(place, [...(tallies.get(place) ?? []), answer]);
    });
  }
  return [...tallies].map(([place, answers]) => ({ place, answers }));
}

/** Milliseconds of the successful openings, median and 99th percentile, and how many these are. */
export function openingFigures(answers: readonly ProbeAnswer[]): Record<string, number> {
  const all = answers.flatMap(({ opened }) => opened);
  const ms = (pick: (opened: Opened) => number | null) =>
    all.flatMap((opened) => pick(opened) ?? []).map((us) => us / 1_000);
  const times = ms(({ us }) => us);
  const upper = ms(({ upperUs }) => upperUs);
  return {
    tried: all.length,
    opened: times.length,
    openedPercent: rounded((100 * times.length) / all.length),
    ...(times.length > 0
      ? {
          medianMs: rounded(quantile(times, 0.5)),
          p99Ms: rounded(quantile(times, 0.99)),
          upperMedianMs: rounded(quantile(upper, 0.5)),
        }
      : {}),
  };
}
