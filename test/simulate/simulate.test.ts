/**
 * A bounded part of what `scripts/simulate` plays: some stories keep every promise, a story is the
 * same every time, and bugs that somebody puts into the code are found.
 */

import { describe, expect, test } from "bun:test";
import { randomFrom } from "../support/random.ts";
import { MUTATIONS } from "./mutations.ts";
import { hunt } from "./seeded-bugs.ts";
import { play } from "./simulation.ts";
import { makeStory } from "./story.ts";

/** A few seconds on a calm core; a busy machine takes as long as it takes. */
const PATIENCE_MS = 600_000;

const ACTS = 40;

/** Seeds that broke a promise before its bug was mended are among them: 303. */
const SEEDS = [1, 2, 3, 4, 303];

/** Each stands for a kind of promise; `scripts/simulate --mutations` puts all of them in. */
const SOME = new Set(["a grant lives twice as long", "a close command is not owed"]);

function storyOf(seed: number) {
  return makeStory(seed, ACTS, randomFrom(seed));
}

describe("simulate", () => {
  for (const seed of SEEDS) {
    test(
      `the story of seed ${seed} keeps every promise`,
      async () => {
        expect((await play(storyOf(seed))).violation?.message).toBe(undefined);
      },
      PATIENCE_MS,
    );
  }

  test(
    "a seed tells the same story every time",
    async () => {
      const { lines } = await play(storyOf(3));
      expect(lines.length).toBeGreaterThan(ACTS);
      expect((await play(storyOf(3))).lines).toEqual(lines);
    },
    PATIENCE_MS,
  );

  for (const mutation of MUTATIONS.filter(({ name }) => SOME.has(name))) {
    test(
      `a seeded bug is found: ${mutation.name}`,
      () => {
        const { found, output } = hunt(mutation, 60);
        expect({ found, output }).toEqual({ found: true, output });
      },
      PATIENCE_MS,
    );
  }
});
