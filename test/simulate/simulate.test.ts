/**
 * A bounded part of what `scripts/simulate` plays: some stories keep every promise, a story is the
 * same every time, and bugs that somebody puts into the code are found.
 */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "../support/programs.ts";
import { MUTATIONS } from "./mutations.ts";
import { hunt } from "./seeded-bugs.ts";

/** A few seconds on a calm core; a busy machine takes as long as it takes. */
const PATIENCE_MS = 600_000;

/** In a process of its own: what a killed daemon leaves behind would count as an error of the test. */
function tell(seed: number, ...more: string[]) {
  const argv = [process.execPath, join(import.meta.dir, "main.ts"), "--seed", `${seed}`];
  const { exitCode, stdout } = spawnSync([...argv, ...more], { stdout: "pipe" });
  return { exitCode, lines: stdout.toString().split("\n") };
}

test(
  "the first stories keep every promise",
  () => {
    const { exitCode, lines } = tell(1, "--hours", "1000000", "--seconds", "5");
    expect({ exitCode, lines }).toEqual({ exitCode: 0, lines });
  },
  PATIENCE_MS,
);

test(
  "a seed tells the same story every time",
  () => {
    const [one, other] = [3, 3].map((seed) => tell(seed, "--hours", "0.01", "--tell").lines);
    expect(one!.length).toBeGreaterThan(40);
    // The last line tells how long it took.
    const story = (lines: string[]) => lines.filter((line) => !line.includes(" simulated hours"));
    expect(story(other!)).toEqual(story(one!));
  },
  PATIENCE_MS,
);

test("every bug can be put into the code", () => {
  const broken = MUTATIONS.filter(({ file, line }) => {
    const text = readFileSync(join(import.meta.dir, "../../src", file), "utf8");
    return text.split(line).length !== 2;
  });
  expect(broken).toEqual([]);
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
});

/**
 * Bugs, and the first story that broke a promise by each: it does as long as stories are drawn alike, and
 * a later one after that. `scripts/simulate --mutations` puts all of them in.
 */
const FOUND: readonly (readonly [bug: string, seed: number])[] = [
  ["a use may be used again", 7],
  ["the store does not learn the uses of the kernel", 11],
  ["a killed daemon's table may be gone", 7],
  ["a restart ends the wait after a loss", 64],
  ["a restart forgets the uses of the store", 1],
  ["a reboot without a stop loses no uses", 6],
  ["a restart after a kill makes everybody wait", 1],
  ["a grant lives twice as long", 1],
  ["an idle grant is renewed for ever", 12],
  ["the ledger keeps the shorter life", 1],
  ["only one port of a door opens", 1],
  ["a knock does not lift what a close by hand refuses", 15],
  ["a close command is not owed", 1],
];

for (const [bug, seed] of FOUND) {
  test(
    `a bug is found: ${bug}`,
    () => {
      const { promise, output } = hunt(bug, 60, seed);
      expect({ found: promise !== undefined, output }).toEqual({ found: true, output });
    },
    PATIENCE_MS,
  );
}
