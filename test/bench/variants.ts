/** One contestant under several conditions, side by side in one line-up. */

import type { Contestant, Setup } from "./contestant.ts";
import { rounded } from "./figures.ts";
import { LineUp, type Place } from "./line-up.ts";
import type { Row } from "./measure.ts";

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
    return new Variants(lineUp, variants);
  }

  /** For what works on line-ups. */
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

/** "1,000 users", "1 user" */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Adds how many times its median is that of its contestant's first row: the one with the fewest of all. */
export function withRatios(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    const first = rows.find(({ contestant }) => contestant === row.contestant);
    const [least, own] = [first?.figures["medianMs"], row.figures["medianMs"]];
    if (least === undefined || own === undefined) return row;
    return { ...row, figures: { ...row.figures, timesFewest: rounded(own / least) } };
  });
}
