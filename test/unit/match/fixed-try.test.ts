/** The explanation for a source that began a fixed sequence. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { knockKeys, NO_START, stepRun } from "../../../src/core/fixed-sequence.ts";
import { parsePort } from "../../../src/core/port.ts";
import { fixedTries } from "../../../src/match/fixed-try.ts";
import type { FixedSubject } from "../../../src/match/subject.ts";
import { rounds } from "../../support/rounds.ts";

const SUBJECT: FixedSubject = {
  door: "legacy",
  action: "open",
  sequence: {
    knocks: ["7000", "8000/udp", "9000"].map((text) => parsePort(text)!),
    timeoutMs: 5_000,
  },
};

/** Knocks a second apart: "7000 8000/udp +4 9000" waits four seconds more before the last. */
function hits(text: string) {
  let timeMs = 1_000_000;
  return text.split(" ").flatMap((word) => {
    if (word.startsWith("+")) {
      timeMs += Number(word) * 1_000;
      return [];
    }
    const { proto, port } = parsePort(word)!;
    timeMs += 1_000;
    return [{ timeMs, proto: proto === "udp" ? 17 : 6, port }];
  });
}

const closest = (knocks: ReturnType<typeof hits>) => fixedTries([SUBJECT], knocks)[0];

test.each([
  ["7000", { accepted: 1 }],
  ["7000 8000/udp", { accepted: 2 }],
  ["7000 8000/udp 7500", { accepted: 2, ended: { proto: "tcp", port: 7500 } }],
  ["7000 8000/udp 8000", { accepted: 2, ended: { proto: "tcp", port: 8000 } }],
  ["7000 9000", { accepted: 1, ended: { proto: "tcp", port: 9000 } }],
  ["7000 8000/udp +10 9000", { accepted: 2, ended: "late" }],
  ["7000 7000 8000/udp 7000 22 9000", { accepted: 3 }],
  ["7000 8000/udp 9000 7500", { accepted: 3 }],
  ["7000 7500 7000 8000/udp", { accepted: 2 }],
  ["7000 8000/udp 7500 7000", { accepted: 2, ended: { proto: "tcp", port: 7500 } }],
] as const)("fixedTries() of %p is %p", (text, told) => {
  const { accepted, ended } = closest(hits(text))!;
  expect({ accepted, ...(ended !== undefined && { ended }) }).toEqual(told as never);
});

test("fixedTries() is empty while the first knock never came", () => {
  expect(closest(hits("8000/udp 9000 7500 22"))).toBeUndefined();
  expect(closest([])).toBeUndefined();
});

test("fixedTries() says complete only of what the matcher completes", () => {
  const keys = knockKeys(SUBJECT.sequence);
  const word = fc.constantFrom("7000", "8000/udp", "9000", "7500", "8000", "+1", "+4");
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const all = hits(words.join(" "));
      const starts = new Float64Array(2).fill(NO_START);
      let complete = false;
      for (const { proto, port, timeMs } of all) {
        const key = proto * 65_536 + port;
        complete ||= stepRun(keys, 5_000, starts, 0, key, timeMs) === "complete";
      }
      if (closest(all)?.accepted === 3) expect(complete).toBeTrue();
    }),
    { numRuns: rounds(2_000) },
  );
});

describe("fixedTries() does not explain a beginning whose knocks belong to a complete sequence", () => {
  const subject = (door: string, action: "open" | "close", text: string): FixedSubject => ({
    door,
    action,
    sequence: { knocks: text.split(" ").map((word) => parsePort(word)!), timeoutMs: 5_000 },
  });
  const subjects = [
    subject("ssh", "close", "9000 8000 7000"),
    subject("ssh", "open", "7000 8000 9000"),
    subject("web", "open", "7000 8000 6000"),
    subject("lamp", "open", "8500"),
  ];
  const OPEN = "open ssh 3";
  const CLOSE = "close ssh 3";

  test.each([
    ["its counterpart ends as it begins", "7000 8000 9000", [OPEN]],
    ["the other way round", "9000 8000 7000", [CLOSE]],
    ["twice", "7000 8000 9000 +60 7000 8000 9000", [OPEN]],
    ["in another order the next time", "7000 8000 9000 +60 7000 7000 8000 7000 9000", [OPEN]],
    ["opened and closed", "7000 8000 9000 +60 9000 8000 7000", [CLOSE, OPEN]],
    ["one knock that is a sequence", "8500", ["open lamp 1"]],
    // Here some of its knocks belong to nothing else.
    ["a try to close", "7000 8000 9000 +60 9000 8000", ["close ssh 2", OPEN]],
    ["a try to close, begun before", "9000 8000 +60 7000 8000 9000", ["close ssh 2", OPEN]],
    ["no sequence is complete", "7000 8000", ["open ssh 2", "open web 2"]],
  ])("%s: %s", (_, text, told) => {
    const tries = fixedTries(subjects, hits(text));
    const said = tries.map((made) => {
      const { action, door } = made.subject;
      return `${action} ${door} ${made.accepted}`;
    });
    expect(said).toEqual(told);
  });

  test("that rotates", () => {
    const knocks = hits("7000 8000");
    expect(fixedTries(subjects, knocks, new Set(knocks.slice(1)))).toHaveLength(2);
    expect(fixedTries(subjects, knocks, new Set(knocks))).toEqual([]);
  });
});
