/** Fixed sequences: how runs advance, which scans complete one, how weak the rest is. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  guessChance,
  knockKey,
  knockKeys,
  NO_START,
  scanCompletes,
  spansOf,
  stepRun,
} from "../../../src/core/fixed-sequence.ts";
import type { FixedSequence } from "../../../src/core/fixed-sequence.ts";
import { parsePort, PROTO_NUMBER } from "../../../src/core/port.ts";
import { rounds } from "../../support/rounds.ts";

function sequence(text: string, timeoutMs = 15_000): FixedSequence {
  return { knocks: text.split(" ").map((knock) => parsePort(knock)!), timeoutMs };
}

/** How often `packets` ("7000" or "7000@500", 500 ms later than the first) complete `knocks`. */
function completions(knocks: string, packets: string, timeoutMs = 15_000): number {
  const run = sequence(knocks, timeoutMs);
  const keys = knockKeys(run);
  const starts = new Float64Array(keys.length).fill(NO_START);
  return packets.split(" ").filter((packet) => {
    const [port = "", ms = "0"] = packet.split("@");
    const { proto, port: number } = parsePort(port)!;
    const key = knockKey(PROTO_NUMBER[proto], number);
    return stepRun(keys, timeoutMs, starts, 0, key, 1_000_000 + Number(ms)) === "complete";
  }).length;
}

const THREE = "7000 8000 9000";

test.each([
  ["completes in order", THREE, "7000 8000 9000", 1],
  ["needs the order", THREE, "8000 7000 9000", 0],
  ["needs every knock", THREE, "7000 9000 8000 9000", 0],
  ["is reset by another port after the first knock", THREE, "7000 7500 8000 9000", 0],
  ["is reset by another port after the second knock", THREE, "7000 8000 8500 9000", 0],
  ["is reset by a later knock out of turn", THREE, "7000 9000 8000 9000", 0],
  ["ignores duplicates", THREE, "7000 7000 8000 8000 8000 9000", 1],
  ["ignores the late duplicate of an earlier knock", THREE, "7000 8000 7000 9000", 1],
  ["completes once although its last knock is duplicated", THREE, "7000 8000 9000 9000 9000", 1],
  ["completes again when it is knocked again", THREE, "7000 8000 9000 7000 8000 9000", 2],
  ["starts over with the first knock after a reset", THREE, "7000 7500 7000 8000 9000", 1],
  ["survives a retry that overlaps", THREE, "7000 8000 7000 8000 9000", 1],
  ["tells protocols apart", "7000 8000/udp 9000", "7000 8000 9000", 0],
  ["mixes protocols", "7000 8000/udp 9000", "7000 8000/udp 9000", 1],
  ["may name a port twice", "7000 8000 7000 9000", "7000 8000 7000 9000", 1],
  ["wants a port named twice twice", "7000 8000 7000 9000", "7000 8000 9000", 0],
  ["is complete at once when it is one knock", "7000", "7000 7000", 2],
  ["may end as late as its timeout", THREE, "7000@0 8000@9000 9000@15000", 1],
  ["ends with its timeout, from the first knock on", THREE, "7000@0 8000@9000 9000@15001", 0],
  ["takes the later of two starts", THREE, "7000@0 7000@9000 8000@9100 9000@20000", 1],
  ["is not prolonged by a knock accepted before", THREE, "7000@0 8000@1 8000@9000 9000@15001", 0],
  ["accepts times slightly out of order", THREE, "7000@3 8000@0 9000@1", 1],
  ["does not outlive a clock set back", THREE, "7000@3600000 8000@3600001 9000@0", 0],
] as const)("stepRun() %s", (_, knocks, packets, times) => {
  expect(completions(knocks, packets)).toBe(times);
});

/** The rule as prose, without the state per prefix: try every packet as a start, walk on from it. */
function completesFromSomewhere(keys: readonly number[], packets: readonly number[]): boolean {
  return packets.some((_, from) => {
    let accepted = 0;
    for (const key of packets.slice(from)) {
      if (key === keys[accepted]) accepted++;
      else if (!keys.slice(0, accepted).includes(key)) return false;
      if (accepted === keys.length) return true;
    }
    return false;
  });
}

test("stepRun() completes exactly when some packet begins an unbroken run (distinct ports)", () => {
  const ports = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(
      fc.uniqueArray(ports, { minLength: 1, maxLength: 5 }),
      fc.array(ports, { maxLength: 40 }),
      (keys, packets) => {
        const starts = new Float64Array(keys.length).fill(NO_START);
        const code = Uint32Array.from(keys);
        const done = packets.some((key) => stepRun(code, 1_000, starts, 0, key, 5) === "complete");
        expect(done).toBe(completesFromSomewhere(keys, packets));
      },
    ),
    { numRuns: rounds(2_000) },
  );
});

describe("spansOf()", () => {
  test("covers all ports, once for each protocol of the sequence", () => {
    expect(spansOf(sequence("9000 7000 8000"))).toEqual([{ proto: "tcp", from: 7_000, to: 9_000 }]);
    expect(spansOf(sequence("7000 6000/udp 9000"))).toEqual([
      { proto: "tcp", from: 6_000, to: 9_000 },
      { proto: "udp", from: 6_000, to: 9_000 },
    ]);
    expect(spansOf(sequence("53/udp"))).toEqual([{ proto: "udp", from: 53, to: 53 }]);
  });
});

describe("scanCompletes()", () => {
  test.each([
    ["7001 7002 7003", "one scan (ascending TCP)"],
    ["7003 7002 7001", "one scan (descending TCP)"],
    ["7001/udp 7002/udp", "one scan (ascending UDP)"],
    ["7001 7001/udp 7002", "one scan (ascending TCP+UDP)"],
    ["7002 7000 7001", "two scans (ascending TCP, then ascending TCP)"],
    ["7000 7001 7000/udp 7001/udp", "two scans (ascending TCP, then ascending UDP)"],
    ["7000", "one scan (ascending TCP)"],
    ["7000 7000 7001", "one scan (ascending TCP) sending each packet twice"],
    ["7000 9000 9000 8000", "a network that duplicates its 9000/tcp"],
  ])("names what completes %s", (knocks, scan) => {
    expect(scanCompletes(sequence(knocks))).toBe(scan);
  });

  test.each([
    THREE,
    "7000 8000/udp 9000",
    "9000 7000 8000",
    "7001 7003 7002 7005",
    "7000 8000 7000",
  ])("finds none for %s", (knocks) => {
    expect(scanCompletes(sequence(knocks))).toBeUndefined();
  });

  test("decides as a scan of every single port does", () => {
    const knock = fc.integer({ min: 100, max: 106 });
    fc.assert(
      fc.property(fc.uniqueArray(knock, { minLength: 2, maxLength: 5 }), (ports) => {
        const fixed = sequence(ports.join(" "));
        const [span] = spansOf(fixed);
        const up = Array.from({ length: span!.to - span!.from + 1 }, (_, i) => span!.from + i);
        const down = up.toReversed();
        const once = [up, down];
        const scans = once.concat(once.flatMap((a) => once.map((b) => a.concat(b))));
        const plain = scans.some((scan) => completions(ports.join(" "), scan.join(" ")) > 0);
        const doubled = scans.some(
          (scan) => completions(ports.join(" "), scan.flatMap((p) => [p, p]).join(" ")) > 0,
        );
        expect(scanCompletes(fixed) !== undefined).toBe(plain || doubled);
      }),
      { numRuns: rounds(500) },
    );
  });
});

describe("guessChance()", () => {
  function permutations(items: readonly number[]): number[][] {
    if (items.length === 0) return [[]];
    return items.flatMap((item) =>
      permutations(items.filter((other) => other !== item)).map((rest) => [item].concat(rest)),
    );
  }

  test.each(["3 5 4", "1 6", "2 1 5", "1 2 3 6 4"])(
    "is the share of all orders of the span that complete %s",
    (knocks) => {
      const [span] = spansOf(sequence(knocks));
      const orders = permutations(
        Array.from({ length: span!.to - span!.from + 1 }, (_, i) => span!.from + i),
      );
      const hits = orders.filter((order) => completions(knocks, order.join(" ")) > 0).length;
      expect(guessChance(sequence(knocks))).toBeCloseTo(hits / orders.length, 12);
    },
  );

  test("counts both spans of a sequence over two protocols", () => {
    expect(guessChance(sequence("7000 8000/udp 9000"))).toBeCloseTo(1 / (4_002 * 4_001), 15);
  });
});
