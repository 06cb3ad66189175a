/** Every trial of the torture suite at its quick scale; scripts/torture plays them in full. */

import { describe, expect, test } from "bun:test";
import { PROMISES } from "../../torture/report.ts";
import { TRIALS } from "../../torture/trials.ts";

for (const [promise, words] of Object.entries(PROMISES)) {
  const trials = TRIALS.filter((trial) => trial.promise === promise);

  describe(`${promise} ${words}`, () => {
    test("has an attack that tests it", () => {
      expect(trials).not.toEqual([]);
    });

    for (const { attack, awaits, play } of trials) {
      // Trials of parts that are not built yet are played by scripts/torture, which says so in its
      // table.
      test.skipIf(awaits !== undefined)(
        `withstands ${attack}`,
        async () => {
          const { held, measured } = await play("quick");
          expect(held, measured).toBe(true);
        },
        60_000,
      );
    }
  });
}
