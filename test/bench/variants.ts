/** One contestant under several conditions, side by side in one line-up. */

import type { Contestant, Setup } from "./contestant.ts";
import { rounded } from "./figures.ts";
import { LineUp, type Place } from "./line-up.ts";
import type { Row } from "./measure.ts";

/** Each takes two seconds where it fails. sallyport's users have two slots each, and succeed with the first. */
const FIRST_TRIES = 20;

export interface Variant extends Contestant {
  /** As the rows of a result say it. */
  readonly condition: string;
  readonly setup: Setup;
}

export class Variants implements AsyncDisposable {
  readonly #lineUp: LineUp;
  readonly #byContestant: ReadonlyMap<Contestant, Variant>;

  private constructor(lineUp: LineUp, variants: readonly Variant[]) {
    this.#lineUp = lineUp;
    this.#byContestant = new Map(variants.map((variant) => [variant, variant]));
  }

  static async start(variants: readonly Variant[]): Promise<Variants> {
    const setups = new Map<Contestant, Setup>(variants.map((each) => [each, each.setup]));
    const lineUp = await LineUp.of(variants, (contestant) => setups.get(contestant));
    await lineUp.each(awaitFirstOpening);
    return new Variants(lineUp, variants);
  }

  /** For functions that work on line-ups. */
  get lineUp(): LineUp {
    return this.#lineUp;
  }

  of({ contestant }: Place): Variant {
    return this.#byContestant.get(contestant)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lineUp[Symbol.asyncDispose]();
  }
}

/**
 * Waits until an opening succeeds: a large setup may hear nothing for a while after it has begun to listen,
 * knockd with 1,000 doors for ten seconds.
 */
async function awaitFirstOpening({ contestant, stage, running }: Place): Promise<void> {
  for (let tries = 0; tries < FIRST_TRIES; tries++) {
    const { opened } = await stage.prober.open(await running.prepare(stage.sources(1)));
    if (opened[0]?.us !== null) return;
  }
  throw new Error(`${contestant.name} opened none of ${FIRST_TRIES} times with its setup`);
}

/** "1,000 users", "1 user" */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Adds the ratio of each median to that of its contestant's first row, which has the fewest. */
export function withRatios(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    const first = rows.find(({ contestant }) => contestant === row.contestant);
    const [least, own] = [first?.figures["medianMs"], row.figures["medianMs"]];
    if (least === undefined || own === undefined) return row;
    return { ...row, figures: { ...row.figures, timesFewest: rounded(own / least) } };
  });
}
