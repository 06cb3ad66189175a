/** The explanation for a source that began a fixed sequence. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { knockKeys, NO_START, stepRun } from "../../../src/core/fixed-sequence.ts";
import { parsePort } from "../../../src/core/port.ts";
import { closestRun } from "../../../src/match/fixed-try.ts";
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
] as const)("closestRun() of %p is %p", (text, told) => {
  const { accepted, ended } = closestRun(SUBJECT, hits(text))!;
  expect({ accepted, ...(ended !== undefined && { ended }) }).toEqual(told as never);
});

test("closestRun() is undefined while the first knock never came", () => {
  expect(closestRun(SUBJECT, hits("8000/udp 9000 7500 22"))).toBeUndefined();
  expect(closestRun(SUBJECT, [])).toBeUndefined();
});

test("closestRun() says complete only of what the matcher completes", () => {
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
      if (closestRun(SUBJECT, all)?.accepted === 3) expect(complete).toBeTrue();
    }),
    { numRuns: rounds(2_000) },
  );
});
