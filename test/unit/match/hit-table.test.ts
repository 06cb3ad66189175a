/** The memory of explanations: its content, the effect of a flood, its cost. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../../../src/core/address.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import { HitTable, PAUSE_MS } from "../../../src/match/hit-table.ts";
import { knock, NOW } from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

const at = (text: string) => parseAddress(text)!;
const HOME = "203.0.113.9";

/** A forged source, another for every `i`. */
function forged(i: number) {
  return `${10 + (i >>> 24)}.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`;
}

describe("HitTable", () => {
  test("keeps the knocks of a source in order, whatever came between", () => {
    const table = new HitTable(4, 8);
    for (const [i, port] of [22_000, 23_000, 21_000].entries()) {
      table.note(knock(HOME, port, NOW + i, i === 1 ? "udp" : "tcp"));
      table.note(knock("198.51.100.7", 40_000 + i, NOW + i));
    }
    expect(table.of(at(HOME))).toEqual([
      { timeMs: NOW, proto: 6, port: 22_000 },
      { timeMs: NOW + 1, proto: 17, port: 23_000 },
      { timeMs: NOW + 2, proto: 6, port: 21_000 },
    ]);
    expect(table.of(at("192.0.2.1"))).toEqual([]);
  });

  test("remembers a single knock, and takes no place for it, however often it is sent again", () => {
    const table = new HitTable(4, 8);
    for (let i = 0; i < 5; i++) table.note(knock(HOME, 22_000, NOW + i));
    expect([table.size, table.of(at(HOME))]).toEqual([
      0,
      [{ timeMs: NOW + 4, proto: 6, port: 22_000 }],
    ]);
  });

  test("keeps the last knocks of many, and forgets what was before a long pause", () => {
    const table = new HitTable(4, 8);
    for (let i = 0; i < 500; i++) table.note(knock(HOME, 20_000 + i, NOW + i));
    const kept = table.of(at(HOME));
    expect([kept.length, kept[0]?.port, kept.at(-1)?.port]).toEqual([128, 20_372, 20_499]);
    table.note(knock(HOME, 1, NOW + 500 + PAUSE_MS));
    expect(table.of(at(HOME)).map(({ port }) => port)).toEqual([1]);
  });

  test("is not emptied by a million forged sources of one packet each", () => {
    const table = new HitTable(4, 64);
    table.note(knock(HOME, 22_000, NOW));
    table.note(knock(HOME, 23_000, NOW));
    for (let i = 0; i < 1_000_000; i++)
      table.note(knock(forged(i), 20_000 + (i & 8191), NOW + i / 1_000));
    expect(table.of(at(HOME))).toHaveLength(2);
    // Two sources with the same 32 bits of hash, one after the other in one bucket, are taken for one.
    expect(table.size).toBeLessThan(40);
  }, 60_000);

  test("takes up a source that knocks in the middle of such a flood", () => {
    const table = new HitTable(4, 64);
    for (let i = 0; i < 8_000; i++) {
      table.note(knock(forged(i), 20_000 + (i & 8191), NOW));
      if (i % 500 === 0) table.note(knock(HOME, 40_000 + i / 500, NOW));
    }
    expect(table.of(at(HOME)).length).toBeGreaterThan(12);
  });

  test("gives up its places at a bounded pace, and says since when it is complete", () => {
    const table = new HitTable(4, 64);
    const twice = (i: number, timeMs: number) => {
      table.note(knock(forged(i), 20_000, timeMs));
      table.note(knock(forged(i), 20_001, timeMs));
    };
    for (let i = 0; i < 64; i++) twice(i, NOW + i);
    expect(table.completeSinceMs).toBe(-Infinity);
    for (let i = 64; i < 10_000; i++) twice(i, NOW + 500);
    const left = Array.from({ length: 64 }, (_, i) => table.of(at(forged(i))).length);
    expect(left.filter((count) => count === 2)).toHaveLength(64 - 16);
    expect(table.completeSinceMs).toBe(NOW + 500);
  });

  test("lists the latest sources of both families, and none that knocked once", () => {
    const log = new HitLog(NOW);
    const twice = (source: string, atMs: number) => {
      log.note(knock(source, 20_000, atMs));
      log.note(knock(source, 20_001, atMs + 1));
    };
    twice("198.51.100.1", NOW);
    twice("203.0.113.9", NOW + 3_000);
    twice("2001:db8::9", NOW + 2_000);
    twice("203.0.113.8", NOW + 1_000);
    log.note(knock("203.0.113.9", 20_002, NOW + 4_000));
    log.note(knock("203.0.113.7", 20_000, NOW + 5_000));
    const latest = (sinceMs: number, most: number) =>
      log
        .latest(sinceMs, most)
        .map(({ source, knocks, lastMs }) => [formatAddress(source), knocks, lastMs - NOW]);
    const all = [
      ["203.0.113.9", 3, 4_000],
      ["2001:db8::9", 2, 2_001],
      ["203.0.113.8", 2, 1_001],
    ];
    expect(latest(NOW + 1_001, 20)).toEqual(all);
    expect(latest(NOW, 2)).toEqual(all.slice(0, 2));
  });

  test("names each quiet try once", () => {
    const table = new HitTable(4, 8);
    const send = (count: number, timeMs: number) => {
      for (let i = 0; i < count; i++) table.note(knock(HOME, 20_000 + i, timeMs + i));
    };
    const named = (nowMs: number) =>
      table.quiet(nowMs, 3_000, 4, 10).map(({ hits }) => hits.length);
    send(4, NOW);
    expect(named(NOW + 2_000)).toEqual([]);
    expect(named(NOW + 4_000)).toEqual([4]);
    expect(named(NOW + 5_000)).toEqual([]);
    send(3, NOW + 6_000);
    expect(named(NOW + 20_000)).toEqual([]);
    send(4, NOW + 30_000);
    expect(named(NOW + 40_000)).toEqual([11]);
  });

  test("finds who hit most of some ports in a time", () => {
    const table = new HitTable(4, 8);
    const wanted = [20_100, 20_200, 20_300, 20_400];
    const send = (source: string, ports: readonly number[], timeMs: number) => {
      for (const port of ports) table.note(knock(source, port, timeMs));
    };
    send("192.0.2.1", wanted, NOW);
    send("192.0.2.2", [...wanted.slice(1), 30_000], NOW + 500);
    send("192.0.2.3", wanted.slice(2), NOW);
    send("192.0.2.4", wanted, NOW - 60_000);
    send("192.0.2.5", [20_100, 20_200, 20_100, 20_200, 20_100], NOW);
    const found: unknown[] = [];
    table.hitting(
      { ports: Uint16Array.from(wanted), proto: 6, least: 3 },
      NOW - 1_000,
      NOW + 1_000,
      (source, heard, distinct) => found.push([formatAddress(source), heard, distinct]),
    );
    expect(found).toEqual([
      ["192.0.2.1", 4, 4],
      ["192.0.2.2", 3, 4],
    ]);
  });

  test("remembers as a plain map of lists would, while there is room", () => {
    const step = fc.record({
      source: fc.integer({ min: 0, max: 6 }),
      port: fc.integer({ min: 1, max: 5 }),
      gapMs: fc.oneof(fc.nat(50), fc.constant(PAUSE_MS + 1)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new HitTable(4, 8);
        const model = new Map<string, { port: number; timeMs: number }[]>();
        let timeMs = NOW;
        for (let source = 0; source <= 6; source++) {
          table.note(knock(forged(source), 9, timeMs));
          model.set(forged(source), [{ port: 9, timeMs }]);
        }
        // Not with two in one bucket, where the later first knock takes the place of the other.
        fc.pre([...model.keys()].every((text) => table.of(at(text)).length === 1));
        for (const { source, port, gapMs } of steps) {
          timeMs += gapMs;
          const text = forged(source);
          table.note(knock(text, port, timeMs));
          let hits = model.get(text) ?? [];
          if (hits.length > 1 && timeMs - hits.at(-1)!.timeMs > PAUSE_MS) hits = [];
          if (hits.at(-1)?.port === port) hits.pop();
          // The first of two far apart is still told: whoever asks sees when each came.
          hits.push({ port, timeMs });
          model.set(text, hits.slice(-128));
        }
        for (const [text, hits] of model) {
          const last = hits.at(-1)!.timeMs;
          const near = hits.filter((hit) => last - hit.timeMs <= PAUSE_MS);
          const kept = table.of(at(text)).map(({ port, timeMs: when }) => ({ port, timeMs: when }));
          expect(kept.slice(-near.length)).toEqual(near);
        }
      }),
      { numRuns: rounds(200) },
    );
  });
});

describe("HitLog", () => {
  test("keeps the families apart: one cannot push out the other", () => {
    const log = new HitLog(NOW, 4);
    for (const port of [1, 2]) log.note(knock("2001:db8::9", port, NOW));
    for (let i = 0; i < 100; i++) {
      for (const port of [1, 2]) log.note(knock(forged(i), port, NOW + i * 1_000));
    }
    expect(log.of(at("2001:db8::9"))).toHaveLength(2);
    expect(log.completeSinceMs(at("2001:db8::1"))).toBe(NOW);
    expect(log.completeSinceMs(at("192.0.2.1"))).toBeGreaterThan(NOW);
  });
});
