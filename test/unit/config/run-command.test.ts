/** The placeholders of a door's commands. */

import { expect, test } from "bun:test";
import { fillPlaceholders } from "../../../src/config/run-command.ts";

const FACTS = { address: "192.0.2.7", family: "4", user: "alice", door: "lights" } as const;

test("fillPlaceholders() replaces every placeholder and leaves other braces alone", () => {
  expect(
    fillPlaceholders(
      ["/bin/x", "{door}:{address}", '{"family": {family}}', "{user}{user}", "{}"],
      FACTS,
    ),
  ).toEqual(["/bin/x", "lights:192.0.2.7", '{"family": 4}', "alicealice", "{}"]);
});

test("fillPlaceholders() leaves a fact that is not known empty, in its place", () => {
  expect(fillPlaceholders(["/bin/x", "{device}", "-"], FACTS)).toEqual(["/bin/x", "", "-"]);
});

test("fillPlaceholders() never reads a value as a pattern or a second placeholder", () => {
  expect(fillPlaceholders(["{user}"], { user: "$&$1{door}", door: "x" })).toEqual(["$&$1{door}"]);
});
