import { expect, test } from "bun:test";
import type { Row } from "./measure.ts";
import { counted, withRatios } from "./variants.ts";

test("withRatios() compares each median with the first row of its own contestant", () => {
  const row = (contestant: Row["contestant"], condition: string, medianMs?: number): Row => ({
    contestant,
    condition,
    figures: medianMs === undefined ? {} : { medianMs },
  });
  const rows = [
    row("sallyport", "few", 2),
    row("knockd", "few", 30),
    row("sallyport", "many", 3),
    row("knockd", "many"),
  ];
  const ratios = withRatios(rows).map(({ figures }) => figures["timesFewest"]);
  expect(ratios).toEqual([1, 1, 1.5, undefined]);
});

test("counted() writes thousands apart, and one of them without an s", () => {
  expect([counted(1, "user"), counted(100_000, "door")]).toEqual(["1 user", "100,000 doors"]);
});
