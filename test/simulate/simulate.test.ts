/**
 * A bounded part of what `scripts/simulate` plays: some stories keep every promise, a story is the
 * same every time, and bugs that somebody puts into the code are found.
 */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { spawnSync } from "../support/programs.ts";
import { MUTATIONS } from "./mutations.ts";
import { hunt } from "./seeded-bugs.ts";

/** A few seconds on a calm core; a busy machine takes as long as it takes. */
const PATIENCE_MS = 600_000;

/**
 * Seeds that broke a promise before its bug was mended: a debt waited by a clock that was set back
 * (13), a restart forgot a wait (31), an idle grant ended with its first port (65), a use that only
 * the kernel knew (135).
 */
const SEEDS = [1, 13, 31, 65, 135];

/** Each stands for a kind of promise; `scripts/simulate --mutations` puts all of them in. */
const SOME = new Set(["a grant lives twice as long", "a close command is not owed"]);

/** In a process of its own: what a killed daemon leaves behind would count as an error of the test. */
function tell(seed: number) {
  const argv = [process.execPath, join(import.meta.dir, "main.ts"), "--hours", "0.01", "--tell"];
  const { exitCode, stdout } = spawnSync([...argv, "--seed", `${seed}`], { stdout: "pipe" });
  return { exitCode, lines: stdout.toString().split("\n") };
}

describe("simulate", () => {
  for (const seed of SEEDS) {
    test(
      `the story of seed ${seed} keeps every promise`,
      () => {
        const { exitCode, lines } = tell(seed);
        expect({ exitCode, lines }).toEqual({ exitCode: 0, lines });
      },
      PATIENCE_MS,
    );
  }

  test(
    "a seed tells the same story every time",
    () => {
      const [one, other] = [tell(3).lines, tell(3).lines];
      expect(one.length).toBeGreaterThan(40);
      // The last line tells how long it took.
      const story = (lines: string[]) => lines.filter((line) => !line.includes(" simulated hours"));
      expect(story(other)).toEqual(story(one));
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
