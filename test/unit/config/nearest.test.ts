/** "Did you mean". */

import { expect, test } from "bun:test";
import { nearest } from "../../../src/config/nearest.ts";

const WORDS = ["open_for", "opens", "users", "ports", "proto", "max_open", "uses", "state_dir"];

test.each([
  ["open_four", "open_for"],
  ["openfor", "open_for"],
  ["open-for", "open_for"],
  ["OPEN_FOR", "open_for"],
  ["oepns", "opens"],
  ["open", "opens"],
  ["user", "users"],
  ["use", "uses"],
  ["port", "ports"],
  ["protto", "proto"],
  ["statedir", "state_dir"],
  ["zebra", undefined],
  ["", undefined],
  ["x".repeat(5_000), undefined],
])("nearest() takes %s for %s", (written, meant) => {
  expect(nearest(written, WORDS)).toBe(meant);
});
