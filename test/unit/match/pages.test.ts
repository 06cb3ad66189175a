/** Deriving ahead of time: which pages are ready when, and which are freed. */

import { describe, expect, spyOn, test } from "bun:test";
import { Matcher, SOURCE_BYTES } from "../../../src/match/matcher.ts";
import { SlotPage } from "../../../src/match/slot-page.ts";
import { Pages } from "../../../src/match/pages.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import type { RotatingSubject } from "../../../src/match/subject.ts";
import { groupOf } from "./group.ts";
import { device, feedAll, knock, NOW, portsOf, Recorder, SLOT } from "../../support/matcher.ts";

const SUBJECTS = Array.from({ length: 50 }, (_, i) => device(`ssh user${i} laptop`));
const STEP_MS = 30_000;

function pageOf(subjects: readonly RotatingSubject[], slot = SLOT): SlotPage {
  const page = new SlotPage(groupOf(subjects));
  page.turnTo(slot);
  return page;
}

describe("SlotPage", () => {
  test("is the same whether built at once or in pieces", () => {
    const whole = pageOf(SUBJECTS);
    whole.build(Infinity);
    const pieces = pageOf(SUBJECTS);
    let calls = 0;
    for (; !pieces.ready; calls++) pieces.build(7);
    expect(calls).toBeGreaterThan(15);
    for (const part of ["ports", "offsets", "holders"] as const) {
      expect(pieces[part]).toEqual(whole[part] as never);
    }
  });

  test("is the same in memory that another slot was built in, half or whole", () => {
    const fresh = pageOf(SUBJECTS, SLOT + 1);
    fresh.build(Infinity);
    for (const units of [1, 60, 100, Infinity]) {
      const used = pageOf(SUBJECTS, SLOT);
      used.build(units);
      used.turnTo(SLOT + 1);
      expect(used.ready).toBe(false);
      used.build(Infinity);
      for (const part of ["ports", "offsets", "holders", "companions"] as const) {
        expect(used[part]).toEqual(fresh[part] as never);
      }
    }
  });

  test("has beside each holder of a port another port of the same sequence", () => {
    const page = pageOf(SUBJECTS);
    page.build(Infinity);
    for (let port = DEFAULT_SPACE.lo; port <= DEFAULT_SPACE.hi; port++) {
      const [from, to] = [port, port + 1].map((at) => page.offsets[at - DEFAULT_SPACE.lo]!);
      for (let at = from!; at < to!; at++) {
        const companion = page.companions[at]!;
        expect(companion).not.toBe(port);
        expect(portsOf(SUBJECTS[page.holders[at]!]!, SLOT)).toContain(companion);
      }
    }
  });

  test("finds by each port exactly the subjects whose sequence contains it", () => {
    const space = { ...DEFAULT_SPACE, hi: 20_999 };
    const subjects = Array.from({ length: 300 }, (_, i) => device(`ssh user${i} laptop`, space));
    const page = pageOf(subjects);
    page.build(Infinity);
    for (let port = space.lo; port <= space.hi; port++) {
      const [from, to] = [page.offsets[port - space.lo]!, page.offsets[port - space.lo + 1]!];
      const holders = subjects.flatMap((subject, i) =>
        portsOf(subject, SLOT).includes(port) ? [i] : [],
      );
      expect([...page.holders.subarray(from, to)]).toEqual(holders);
    }
  });
});

describe("Pages", () => {
  test("accepts the slots of a packet's own time, and remembers those a window away", () => {
    const pages = new Pages(groupOf(SUBJECTS.slice(0, 1)));
    const slots = (timeMs: number) => {
      pages.turnTo(timeMs);
      return [pages.accepted, pages.remembered].map((list) => list.map(({ slot }) => slot - SLOT));
    };
    const start = SLOT * STEP_MS;
    expect(slots(start)).toEqual([
      [-1, 0, 1],
      [-2, -1, 0, 1],
    ]);
    expect(slots(start + 15_000)).toEqual([
      [-1, 0, 1],
      [-1, 0, 1],
    ]);
    expect(slots(start + 25_000)).toEqual([
      [-1, 0, 1],
      [-1, 0, 1, 2],
    ]);
    expect(slots(start + STEP_MS)).toEqual([
      [0, 1, 2],
      [-1, 0, 1, 2],
    ]);
    expect(slots(start - 1)).toEqual([
      [-2, -1, 0],
      [-2, -1, 0, 1],
    ]);
    expect(slots(5_000)).toEqual([
      [0 - SLOT, 1 - SLOT],
      [0 - SLOT, 1 - SLOT],
    ]);
  });

  test("never builds over a page that the last packet was judged by", () => {
    const pages = new Pages(groupOf(SUBJECTS));
    pages.turnTo(NOW);
    const judged = [...pages.remembered];
    const slots = judged.map(({ slot }) => slot);
    // The clock is far ahead of the packets: another one of the same moment may still be on its way.
    for (let ahead = 0; ahead < 20; ahead++) {
      while (pages.prepare(NOW + ahead * STEP_MS, 100) === 0);
    }
    expect(judged.map(({ slot, ready }) => [slot, ready])).toEqual(
      slots.map((slot) => [slot, true]),
    );
    pages.turnTo(NOW);
    expect(pages.remembered).toEqual(judged);
  });

  test("uses pages again: after the first slots no more memory is asked for", () => {
    const pages = new Pages(groupOf(SUBJECTS));
    const seen = new Set<SlotPage>();
    for (let slot = 0; slot < 50; slot++) {
      while (pages.prepare(NOW + slot * STEP_MS, 100) === 0);
      pages.turnTo(NOW + slot * STEP_MS);
      for (const page of pages.remembered) seen.add(page);
    }
    expect(seen.size).toBeLessThanOrEqual(7);
  });

  test("holds every page of the next slot ready, when it is prepared in small steps", () => {
    const pages = new Pages(groupOf(SUBJECTS));
    let calls = 1;
    while (pages.prepare(NOW, 20) === 0) calls++;
    expect(calls).toBeGreaterThan(10);
    const build = spyOn(SlotPage.prototype, "build");
    for (let ms = 0; ms <= STEP_MS; ms += 100) pages.turnTo(NOW + ms);
    expect(build).not.toHaveBeenCalled();
    pages.turnTo(NOW + 2 * STEP_MS);
    expect(build).toHaveBeenCalled();
    build.mockRestore();
    pages.turnTo(NOW + STEP_MS);
    expect(pages.accepted.map(({ slot }) => slot - SLOT)).toEqual([0, 1, 2]);
  });
});

describe("matcher.prepare()", () => {
  test("answers whether more is waiting, and has nothing left to do once it is done", () => {
    const matcher = new Matcher({ rotating: SUBJECTS, fixed: [] }, new Recorder());
    let calls = 1;
    while (matcher.prepare(NOW, 25)) calls++;
    expect(calls).toBeGreaterThan((3 * SUBJECTS.length) / 25);
    expect(matcher.prepare(NOW, 1)).toBe(false);
    expect(matcher.prepare(NOW + STEP_MS, 1)).toBe(true);
  });

  test("changes no answer: a matcher that was never prepared hears the same knocks", () => {
    const said = [false, true].map((prepared) => {
      const sink = new Recorder();
      const matcher = new Matcher({ rotating: SUBJECTS, fixed: [] }, sink);
      for (let slot = 0; slot < 6; slot++) {
        const now = NOW + slot * STEP_MS;
        if (prepared) while (matcher.prepare(now, 10));
        feedAll(matcher, "192.0.2.7", portsOf(SUBJECTS[slot]!, SLOT + slot), now, 1);
      }
      return sink.lines;
    });
    expect(said[0]).toHaveLength(6);
    expect(said[1]).toEqual(said[0]);
  });
});

describe("Matcher, memory", () => {
  test("keeps to its total however many knock spaces and slack there are", () => {
    const spaces = Array.from({ length: 20 }, (_, i) => ({ ...DEFAULT_SPACE, slack: 1_024 - i }));
    const subjects = spaces.map((space, i) => device(`door-${i} alice laptop`, space));
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, new Recorder());
    const hit = portsOf(subjects[0]!, SLOT)[0]!;
    for (let i = 0; i < 10_000; i++) {
      matcher.feed(knock(`10.9.${i >> 8}.${i & 255}`, hit, NOW));
    }
    const { sources4, evicted } = matcher.stats;
    expect(sources4).toBeLessThan(SOURCE_BYTES / 6_000 / 2 / 20 + 1);
    expect(sources4).toBeGreaterThan(200);
    expect(evicted).toBe(10_000 - sources4);
  });
});
