/** Draws a story of dozens of deeds an hour. */

import { drawer, one, soon } from "./deeds.ts";
import { SCENES } from "./scenes.ts";
import type { Act, Random, Story } from "./story.ts";

/** Of so many turns of a story one is a scene. */
const SCENE_EVERY = 8;

export function makeStory(seed: number, length: number, random: Random): Story {
  const setSize = random(4) > 0 ? 65_536 : 1 + random(8);
  const movesEnds = random(2) === 0;
  const draw = drawer(random);
  const acts: Act[] = [];
  while (acts.length < length) {
    if (random(SCENE_EVERY) === 0) acts.push(...one(random, SCENES)(random));
    acts.push(soon(random, draw(random)));
  }
  return { seed, setSize, movesEnds, acts };
}
