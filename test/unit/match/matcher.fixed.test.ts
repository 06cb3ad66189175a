/** Fixed sequences in the matcher: many doors, many sources, memory only where a run lives. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  knockKey,
  knockKeys,
  NO_START,
  spansOf,
  stepRun,
} from "../../../src/core/fixed-sequence.ts";
import { parsePort, PROTO_NUMBER } from "../../../src/core/port.ts";
import type { Proto } from "../../../src/core/port.ts";
import { Matcher } from "../../../src/match/matcher.ts";
import type { FixedSubject } from "../../../src/match/subject.ts";
import { feedAll, knock, NOW, Recorder } from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

function door(name: string, knocks: string, action: "open" | "close" = "open"): FixedSubject {
  const sequence = { knocks: knocks.split(" ").map((one) => parsePort(one)!), timeoutMs: 15_000 };
  return { door: name, action, sequence };
}

function listen(...fixed: FixedSubject[]): { matcher: Matcher; sink: Recorder } {
  const sink = new Recorder();
  return { matcher: new Matcher({ rotating: [], fixed }, sink), sink };
}

const WEB = door("web", "7000 8000 9000");
const HOME = "192.0.2.7";

describe("matcher.feed(), fixed sequences", () => {
  test.each([HOME, "2001:db8::7"])("opens in order, for %s, and again the next time", (source) => {
    const { matcher, sink } = listen(WEB);
    feedAll(matcher, source, [7_000, 8_000, 9_000], NOW);
    feedAll(matcher, source, [7_000, 8_000, 9_000], NOW + 60_000);
    expect(sink.lines).toEqual([
      `open web ${source} @${NOW}`,
      `open web ${source} @${NOW + 60_000}`,
    ]);
  });

  test("opens at the first try after a clock that was set back when another had begun", () => {
    const { matcher, sink } = listen(WEB);
    matcher.feed(knock(HOME, 7_000, NOW));
    feedAll(matcher, HOME, [7_000, 8_000, 9_000], NOW - 3_600_000);
    expect(sink.said).toEqual([`open web ${HOME}`]);
  });

  test("opens one door of a common prefix, and the one that ends earlier as well", () => {
    const { matcher, sink } = listen(WEB, door("db", "7000 8000 9500"), door("short", "7000 8000"));
    feedAll(matcher, HOME, [7_000, 8_000, 9_500], NOW);
    expect(sink.said).toEqual([`open short ${HOME}`, `open db ${HOME}`]);
  });

  test("tells opening from closing", () => {
    const { matcher, sink } = listen(WEB, door("web", "9000 8000 7000", "close"));
    feedAll(matcher, HOME, [7_000, 8_000, 9_000], NOW);
    feedAll(matcher, HOME, [9_000, 8_000, 7_000], NOW + 1_000);
    expect(sink.said).toEqual([`open web ${HOME}`, `close web ${HOME}`]);
  });

  test("is reset by TCP inside the span, not outside of it and not by UDP it does not use", () => {
    const { matcher, sink } = listen(WEB);
    feedAll(matcher, HOME, [7_000, 6_999, 8_000, 9_001], NOW);
    matcher.feed(knock(HOME, 8_500, NOW, "udp"));
    matcher.feed(knock(HOME, 9_000, NOW));
    expect(sink.lines).toHaveLength(1);
    feedAll(matcher, HOME, [7_000, 8_000, 8_500, 9_000], NOW);
    expect(sink.lines).toHaveLength(1);
  });

  test("keeps sources apart however their knocks interleave", () => {
    const { matcher, sink } = listen(WEB);
    const sources = Array.from({ length: 500 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    for (const port of [7_000, 8_000, 9_000]) {
      for (const source of sources) matcher.feed(knock(source, port, NOW));
    }
    expect(sink.said).toEqual(sources.map((source) => `open web ${source}`));
  });

  test("takes no memory before the first knock and gives it back when the run ends", () => {
    const { matcher } = listen(WEB, door("db", "7000 8000 9500"));
    feedAll(matcher, HOME, [8_000, 9_000, 7_500], NOW);
    expect(matcher.stats.sources4).toBe(0);
    matcher.feed(knock(HOME, 7_000, NOW));
    expect(matcher.stats.sources4).toBe(2);
    matcher.feed(knock(HOME, 9_200, NOW));
    expect(matcher.stats.sources4).toBe(1);
    feedAll(matcher, HOME, [7_000, 8_000, 9_000], NOW);
    expect(matcher.stats).toEqual({ sources4: 0, sources6: 0, evicted: 0 });
  });

  test("gives a source that takes another's place in a full table nothing of its run", () => {
    const sink = new Recorder();
    const matcher = new Matcher({ rotating: [], fixed: [WEB] }, sink, { sourcesPerFamily: 1 });
    feedAll(matcher, HOME, [7_000, 8_000], NOW);
    feedAll(matcher, "198.51.100.1", [7_000, 9_000], NOW);
    feedAll(matcher, HOME, [9_000], NOW);
    expect(sink.lines).toEqual([]);
    expect(matcher.stats.evicted).toBe(1);
  });

  test("does as a run of each source and door by itself would", () => {
    const port = fc.integer({ min: 7_000, max: 7_003 });
    const proto = fc.constantFrom<Proto>("tcp", "udp");
    const subjects = fc.array(
      fc.array(fc.record({ port, proto }), { minLength: 1, maxLength: 3 }),
      { minLength: 1, maxLength: 4 },
    );
    const packets = fc.array(
      fc.record({ port, proto, source: fc.nat({ max: 2 }), waitMs: fc.nat({ max: 3_000 }) }),
      { minLength: 30, maxLength: 120 },
    );
    let opened = 0;
    fc.assert(
      fc.property(subjects, packets, (sequences, sent) => {
        const fixed = sequences.map((knocks, i) => ({
          door: `door-${i}`,
          action: "open" as const,
          sequence: { knocks, timeoutMs: 5_000 },
        }));
        const sink = new Recorder();
        const matcher = new Matcher({ rotating: [], fixed }, sink, { sourcesPerFamily: 64 });
        const starts = new Map<string, Float64Array>();
        const expected: string[] = [];
        let now = NOW;
        for (const packet of sent) {
          now += packet.waitMs;
          const source = `192.0.2.${packet.source}`;
          matcher.feed(knock(source, packet.port, now, packet.proto));
          for (const { door: name, sequence } of fixed) {
            const inside = spansOf(sequence).some(
              (span) =>
                span.proto === packet.proto && span.from <= packet.port && packet.port <= span.to,
            );
            if (!inside) continue;
            const run = `${source} ${name}`;
            const own = starts.get(run) ?? new Float64Array(sequence.knocks.length).fill(NO_START);
            starts.set(run, own);
            const key = knockKey(PROTO_NUMBER[packet.proto], packet.port);
            const state = stepRun(knockKeys(sequence), 5_000, own, 0, key, now);
            if (state === "complete") expected.push(`open ${name} ${source} @${now}`);
          }
        }
        expect(sink.lines).toEqual(expected);
        opened += expected.length;
      }),
      { numRuns: rounds(500) },
    );
    expect(opened).toBeGreaterThan(rounds(500));
  });
});
