/** The configuration that `sallyport init` writes says exactly what was answered. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseSettings } from "../../../src/config/load.ts";
import type { Answers } from "../../../src/init/answers.ts";
import { draftConfig, doorName, readDraft } from "../../../src/init/draft.ts";
import { ExitCode } from "../../../src/core/errors.ts";
import { answersIn, formatGuard, readGuard } from "../../../src/init/answers.ts";
import { rounds } from "../../support/rounds.ts";

const ANSWERS: fc.Arbitrary<Answers> = fc.record({
  guard: fc
    .uniqueArray(
      fc.record({
        proto: fc.constantFrom("tcp" as const, "udp" as const),
        from: fc.integer({ min: 1, max: 19_999 }),
      }),
      { minLength: 1, maxLength: 5, selector: ({ from }) => from },
    )
    .map((ports) => ports.map(({ proto, from }) => ({ proto, from, to: from }))),
  users: fc.uniqueArray(fc.constantFrom("alice", "bob", "zoe-2", "m"), { minLength: 1 }),
  host: fc.constantFrom("gate.example", "203.0.113.7", "2001:db8::7"),
});

test("draftConfig() is accepted, and says what was answered", () => {
  fc.assert(
    fc.property(ANSWERS, (answers) => {
      const settings = parseSettings(draftConfig(answers));
      expect(settings.doors.map(({ name }) => name)).toEqual([doorName(answers)]);
      expect(answersIn(settings)).toEqual({
        guard: formatGuard(answers.guard),
        users: answers.users.join(", "),
        host: answers.host,
      });
    }),
    { numRuns: rounds(200) },
  );
});

test("draftConfig() is accepted with every line that shows a default or an example", () => {
  const answers = { guard: [{ proto: "tcp", from: 22, to: 22 }], users: ["alice"], host: "gate" };
  const text = draftConfig(answers as Answers).replaceAll(/^#(?=[a-z_]+ = )/gm, "");
  expect(text).toContain("\nopen_after =");
  expect(parseSettings(text).doors[0]).toMatchObject({ openForMs: 30_000, idleCloseMs: 600_000 });
});

test.each([
  [
    "22/tcp, 22",
    "gate.example",
    'opens[1] is "22/tcp", part of "22/tcp" before it: write every port once',
  ],
  [
    "7878",
    "gate.example",
    "opens[0] holds 7878/tcp, where api.listen serves this machine only: take it out, or",
  ],
  ["22", "a..b", 'host is "a..b": write '],
])("readDraft() takes %s at %s for wrong answers", (guard, host, mistake) => {
  const draft = draftConfig({ guard: readGuard(guard), users: ["alice"], host });
  let refused: unknown;
  try {
    readDraft(draft);
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({ exitCode: ExitCode.usage });
  expect((refused as Error).message).toStartWith(`Cannot set up: ${mistake}`);
});
