import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../support/programs.ts";

const SCRIPT = join(import.meta.dir, "../../../scripts/simulate");

test.each([
  [["--foo"], "Unknown option '--foo'"],
  [["--hours", "x"], '--hours "x" is no number from 0 on'],
  [["--hours", "1", "--seed=-1"], '--seed "-1" is no number from 0 on'],
  [["--mutations", "--count", ""], '--count "" is no number from 0 on'],
])("scripts/simulate %j says what is wrong, and plays nothing", (argv, problem) => {
  const { code, out, err } = run([SCRIPT, ...argv], { mayFail: true });
  expect([code, out]).toEqual([64, ""]);
  expect(err).toBe(`scripts/simulate: ${problem}: see scripts/simulate --help\n`);
});
