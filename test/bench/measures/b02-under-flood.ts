/** B2: honest knocks while random sources send to random ports of the knock range, as fast as the machine can. */

import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { USERS } from "../contestant.ts";
import { Flooded } from "../flooded.ts";
import { LineUp, type Place } from "../line-up.ts";
import { scatter } from "../load/load.ts";
import type { Bench, Measure, Row } from "../measure.ts";

const IDLE = "idle";
const FLOOD = "range flood";

/** Any source; the load replaces it. */
const ANYBODY = "11.0.0.1";

function rangeFlood({ stage }: Place) {
  const { lo, hi } = DEFAULT_SPACE;
  return scatter(stage.frame({ from: ANYBODY, port: lo }), [lo, hi]);
}

/** The figures of the flood, and their ratio to the idle median. */
function compared(idle: Flooded, flooded: Flooded): Row[] {
  const contestant = idle.place.contestant.name;
  const before = idle.figures();
  const after = flooded.figures();
  const times = (after["medianMs"] ?? NaN) / (before["medianMs"] ?? NaN);
  return [
    { contestant, condition: IDLE, figures: before },
    {
      contestant,
      condition: FLOOD,
      figures: Number.isNaN(times) ? after : { ...after, timesIdle: Number(times.toPrecision(3)) },
    },
  ];
}

async function measure({ quick, contestants }: Bench): Promise<Row[]> {
  const rounds = quick ? 1 : 5;
  const tries = quick ? 2 : 20;
  await using lineUp = await LineUp.of(contestants, () => ({ users: USERS }));
  const pairs = new Map<Place, [Flooded, Flooded]>();
  for (let round = 0; round < rounds; round++) {
    await lineUp.each(async (place) => {
      if (!pairs.has(place)) {
        Flooded.watch(place);
        pairs.set(place, [new Flooded(place, IDLE), new Flooded(place, FLOOD)]);
      }
      const [idle, flooded] = pairs.get(place)!;
      await idle.round(tries, null);
      await flooded.round(tries, rangeFlood(place));
    });
  }
  return [...pairs.values()].flatMap(([idle, flooded]) => compared(idle, flooded));
}

export const underFlood: Measure = {
  id: "B2",
  title: "Under flood",
  how: "honest knocks, one try each, sallyport's sent twice and in random order as its client does, amid SYNs from random sources to random ports of 20000–52767 at the most this machine sends; opened within 0.5 s",
  compare: "medianMs",
  targets: [
    { contestant: "sallyport", condition: FLOOD, figure: "openedPercent", atLeast: 100 },
    { contestant: "sallyport", condition: FLOOD, figure: "timesIdle", atMost: 10 },
  ],
  measure,
};
