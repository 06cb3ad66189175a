/** B3: honest knocks amid the flood that hurts each contestant most, as its author would know it. */

import { USERS } from "../contestant.ts";
import { Flooded } from "../flooded.ts";
import { LineUp, type Place } from "../line-up.ts";
import type { Bench, Measure, Row } from "../measure.ts";

/** sallyport's, as contestants/sallyport.ts names them. */
const OURS = [
  "valid ports from random sources",
  "one source through the range",
  "all but the last knock, random sources",
  "the victim's own address forged, 10,000/s",
  "the victim's own address forged, 100,000/s",
  "the victim's own address forged, full rate",
  "the victim's own address forged, full rate, his knocks 10 µs apart",
];

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const rounds = quick ? 1 : 5;
  const tries = quick ? 1 : 20;
  await using lineUp = await LineUp.of(contestants, () => ({ users: USERS }));
  const floods = new Map<Place, Map<string, Flooded>>();
  for (let round = 0; round < rounds; round++) {
    await lineUp.each(async (place) => {
      if (!floods.has(place)) {
        Flooded.watch(place);
        floods.set(place, new Map());
      }
      const seen = floods.get(place)!;
      for (const { name } of place.running.worst()) {
        if (!seen.has(name)) seen.set(name, new Flooded(place, name));
        if (seen.get(name)!.hopeless) continue;
        log(`round ${round + 1} of ${rounds}: ${place.contestant.name}, ${name}`);
        // Made anew, since valid sequences change with the slot.
        const { load, gapUs } = place.running.worst().find((made) => made.name === name)!;
        await seen.get(name)!.round(tries, load, gapUs);
      }
    });
  }
  return [...floods.values()].flatMap((seen) =>
    [...seen.values()].map((flooded) => ({
      contestant: flooded.place.contestant.name,
      condition: flooded.condition,
      figures: flooded.figures(),
    })),
  );
}

export const worstFloods: Measure = {
  id: "B3",
  title: "The flood that hurts most",
  how: "as B2, amid the packets that cost each contestant most; the kernel's own knocking shares the fate of whoever fills its sets; 100 tries, or 40 where none of them opened",
  targets: OURS.map((condition) => ({
    contestant: "sallyport" as const,
    condition,
    figure: "openedPercent",
    atLeast: 100,
  })),
  measure,
};
