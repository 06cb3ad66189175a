/** Scans, forgeries, crowds and noise against the matcher: PROPERTIES the design promises. */

import { describe, expect, test } from "bun:test";
import { scanCompletes, spansOf } from "../../../src/core/fixed-sequence.ts";
import type { FixedSequence } from "../../../src/core/fixed-sequence.ts";
import { parsePort } from "../../../src/core/port.ts";
import { Matcher } from "../../../src/match/matcher.ts";
import type { RotatingSubject } from "../../../src/match/subject.ts";
import { forgeryPerDay } from "../../../src/rks/bound.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import type { KnockSpace } from "../../../src/rks/space.ts";
import {
  device,
  feedAll,
  knock,
  NOW,
  portsOf,
  Recorder,
  seeded,
  shuffled,
  SLOT,
} from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function choose(total: number, chosen: number): number {
  return chosen === 0 ? 1 : (choose(total - 1, chosen - 1) * total) / chosen;
}

describe("matcher.feed(), scans", () => {
  const whole = range(DEFAULT_SPACE.lo, DEFAULT_SPACE.hi);
  const scans: [string, number[]][] = [
    ["ascending", whole],
    ["descending", whole.toReversed()],
    ["random", shuffled(whole, seeded(7))],
    [
      "even ports, then odd ones",
      [0, 1].flatMap((odd) => whole.filter((port) => port % 2 === odd)),
    ],
    ["each port twice", whole.flatMap((port) => [port, port])],
  ];

  test.each(scans)("is opened by no scan of the range: %s, three times in a slot", (_, scan) => {
    const sink = new Recorder();
    const subjects = range(1, 20).map((i) => device(`ssh user${i} laptop`));
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, sink);
    for (let pass = 0; pass < 3; pass++) feedAll(matcher, "192.0.2.66", scan, NOW + pass, 0.001);
    expect(sink.lines).toEqual([]);
  });

  const sequences: FixedSequence[] = [
    "7000 8000 9000",
    "7000 8000/udp 9000",
    "9000 7000 8000",
    "7001 7003 7002 7005",
    "7000 8000 7000 9000",
  ].map((text) => ({ knocks: text.split(" ").map((one) => parsePort(one)!), timeoutMs: 15_000 }));

  test.each(["ascending", "descending", "random"])(
    "completes no fixed sequence that a check lets pass by an %s scan of all ports",
    (order) => {
      const sink = new Recorder();
      const fixed = sequences.map((sequence, i) => ({
        door: `door-${i}`,
        action: "open" as const,
        sequence,
      }));
      expect(sequences.map(scanCompletes)).toEqual(sequences.map(() => undefined));
      const matcher = new Matcher({ rotating: [], fixed }, sink);
      const all = range(1, 65_535);
      const ports =
        order === "ascending"
          ? all
          : order === "descending"
            ? all.toReversed()
            : shuffled(all, seeded(8));
      for (const protos of [
        ["tcp"],
        ["udp"],
        ["tcp", "udp"],
        ["tcp", "tcp", "udp", "udp"],
      ] as const) {
        for (const port of ports) {
          for (const proto of protos) matcher.feed(knock("192.0.2.66", port, NOW, proto));
        }
      }
      expect(sink.lines).toEqual([]);
    },
  );

  test("is completed by the scan that a check names, so that the refusal is not for nothing", () => {
    const sequence: FixedSequence = {
      knocks: [7_001, 7_002, 7_003].map((port) => ({ proto: "tcp", port })),
      timeoutMs: 15_000,
    };
    const sink = new Recorder();
    const fixed = [{ door: "weak", action: "open" as const, sequence }];
    const matcher = new Matcher({ rotating: [], fixed }, sink);
    const [span] = spansOf(sequence);
    expect(scanCompletes(sequence)).toBe("one scan (ascending TCP)");
    feedAll(matcher, "192.0.2.66", range(span!.from - 50, span!.to + 50), NOW);
    expect(sink.said).toEqual(["open weak 192.0.2.66"]);
  });
});

/**
 * One device for every set of n ports of the range: so the completions of a packet are counted, not
 * sampled.
 */
function everySet(space: KnockSpace): RotatingSubject[] {
  const bySet = new Map<string, RotatingSubject>();
  const wanted = choose(space.hi - space.lo + 1, space.ports);
  for (let i = 0; bySet.size < wanted; i++) {
    const subject = device(`ssh user${i} any`, space);
    bySet.set(
      portsOf(subject, SLOT)
        .sort((a, b) => a - b)
        .join(),
      subject,
    );
  }
  return [...bySet.values()];
}

describe("the bound of docs/rks.md, counted by brute force", () => {
  test.each([
    { R: 8, n: 3, slack: 0 },
    { R: 8, n: 3, slack: 2 },
    { R: 9, n: 2, slack: 3 },
    { R: 7, n: 4, slack: 1 },
    { R: 6, n: 3, slack: 8 },
  ])("a packet completes at most C(k−1, n−1) new sets of n ports: %o", ({ R, n, slack }) => {
    const space = { ...DEFAULT_SPACE, lo: 1_000, hi: 999 + R, ports: n, slack, skew: 0 };
    const k = Math.min(n + slack, R);
    const subjects = everySet(space);
    // "kept" always: a set stays available, so every packet shows all it completes.
    const sink = new Recorder(Array.from({ length: 200_000 }, () => "kept" as const));
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, sink);
    const random = seeded(R * 100 + n * 10 + slack);
    let most = 0;
    for (let i = 0; i < 400; i++) {
      const before = sink.lines.length;
      matcher.feed(knock("192.0.2.1", 1_000 + Math.floor(random() * R), NOW + i));
      most = Math.max(most, sink.lines.length - before);
    }
    expect(most).toBe(choose(k - 1, n - 1));
    // The published formula is that count over all sets, for each of the V valid sequences.
    const perDay = forgeryPerDay([{ door: "ssh", devices: 1, space: { ...space, slack: k - n } }]);
    expect(perDay / 8.64e10).toBeCloseTo(most / subjects.length, 12);
  });

  test("forged packets open as rarely as it says: random hits, many keys", () => {
    const space = { ...DEFAULT_SPACE, lo: 1_000, hi: 1_039, ports: 4, slack: 4, skew: 1 };
    const subjects = range(1, 40).map((i) => device(`ssh user${i} any`, space));
    const sink = new Recorder(Array.from({ length: 100_000 }, () => "kept" as const));
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, sink);
    const random = seeded(11);
    const packets = 40_000;
    for (let i = 0; i < packets; i++) {
      matcher.feed(knock("192.0.2.1", 1_000 + Math.floor(random() * 40), NOW + i / 1_000));
    }
    const bound = (forgeryPerDay([{ door: "ssh", devices: 40, space }]) / 8.64e10) * packets;
    expect(sink.lines.length).toBeLessThan(bound * 1.05);
    expect(sink.lines.length).toBeGreaterThan(bound * 0.5);
  });
});

describe("matcher.feed(), crowds and noise", () => {
  test.each([2, 10, 50, 500])(
    "lets in %i clients of different addresses whose knocks overlap",
    (count) => {
      const random = seeded(count);
      const subjects = range(1, count).map((i) => device(`ssh user${i} laptop`));
      const sink = new Recorder();
      const matcher = new Matcher({ rotating: subjects, fixed: [] }, sink);
      const packets = subjects.flatMap((subject, i) => {
        const ports = portsOf(subject, SLOT);
        return [...ports, ...ports].map((port) => ({ source: `10.1.${i >> 8}.${i & 255}`, port }));
      });
      for (const [i, { source, port }] of shuffled(packets, random).entries()) {
        matcher.feed(knock(source, port, NOW + i / 10));
      }
      const opened = sink.matches.map(({ subject }) => subject.user);
      expect(new Set(opened).size).toBe(count);
      expect(opened).toHaveLength(count);
    },
  );

  test("lets in 10 users behind one address who knock at the same time", () => {
    const subjects = range(1, 10).map((i) => device(`ssh user${i} laptop`));
    const sink = new Recorder();
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, sink);
    for (let i = 0; i < 8; i++) {
      for (const subject of subjects) {
        const port = portsOf(subject, SLOT)[i]!;
        feedAll(matcher, "203.0.113.5", [port, port], NOW + i);
      }
    }
    expect(sink.matches.map(({ subject }) => subject.user).sort()).toEqual(
      subjects.map(({ user }) => user).sort(),
    );
  });

  test.each([
    ["a burst of 5 ms, 5,000 junk packets a second", 5, 5_000],
    ["a browser (40 ms a port), 50 junk packets a second", 8 * 40, 50],
  ])("hears a knock through the noise of its own address: %s", (_, spreadMs, junkPerSecond) => {
    const alice = device("ssh alice laptop");
    const random = seeded(junkPerSecond);
    const times = rounds(100);
    let opened = 0;
    for (let round = 0; round < times; round++) {
      const sink = new Recorder();
      const matcher = new Matcher({ rotating: [alice], fixed: [] }, sink);
      const junk = range(0, Math.ceil((junkPerSecond * (1_000 + spreadMs)) / 1_000)).map((i) => ({
        at: (i * 1_000) / junkPerSecond,
        port: 20_000 + Math.floor(random() * 32_768),
      }));
      const knocks = portsOf(alice, SLOT).map((port, i) => ({
        at: 1_000 + (i * spreadMs) / 8,
        port,
      }));
      const packets = [...junk, ...knocks].sort((a, b) => a.at - b.at);
      for (const { at, port } of packets) matcher.feed(knock("203.0.113.5", port, NOW + at));
      opened += sink.matches.length;
    }
    expect(opened).toBe(times);
  });

  test("hears a knock while a million forged sources knock too, and keeps its size", () => {
    const alice = device("ssh alice laptop");
    const ports = portsOf(alice, SLOT);
    const random = seeded(3);
    const sink = new Recorder();
    const matcher = new Matcher({ rotating: [alice], fixed: [] }, sink);
    const word = () => Math.floor(random() * 2 ** 32);
    const flood = (packets: number, atMs: number) => {
      for (let i = 0; i < packets; i++) {
        const one = knock("0.0.0.0", 20_000 + Math.floor(random() * 32_768), atMs);
        matcher.feed({ ...one, family: i % 2 === 0 ? 4 : 6, s0: word(), s1: word() });
      }
    };
    for (const [i, port] of ports.entries()) {
      flood(125_000, NOW + i * 100);
      matcher.feed(knock("203.0.113.5", port, NOW + i * 100));
    }
    expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT} 203.0.113.5`]);
    // Only sources that hit one of the few valid ports were worth memory.
    expect(matcher.stats.sources4 + matcher.stats.sources6).toBeLessThan(3_000);
    expect(matcher.stats.evicted).toBe(0);
  }, 30_000);
});
