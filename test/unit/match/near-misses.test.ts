/** The explanation for a source that came close to a rotating sequence. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { chanceOf, findTries, findTriesNow, type Try } from "../../../src/match/near-misses.ts";
import { slotAt } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { hitsOn } from "../../support/hits.ts";
import { device, NOW, portsOf, seeded, shuffled, SLOT } from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

const ALICE = device("ssh alice laptop");
const BOB = device("ssh bob phone");
const SUBJECTS = { rotating: [ALICE, BOB], fixed: [] };

function only(tries: readonly Try[]) {
  expect(tries).toHaveLength(1);
  const [made] = tries;
  if (made?.kind !== "rotating") throw new Error("not a rotating try");
  return made;
}

describe("findTries()", () => {
  test("names the device, the ports that came and those that did not", () => {
    const ports = portsOf(ALICE, SLOT);
    const heard = ports.filter((_, i) => ![2, 5, 6].includes(i));
    const made = only(findTriesNow(hitsOn(shuffled(heard, seeded(1)), NOW), SUBJECTS));
    expect(made).toMatchObject({ subject: ALICE, slot: SLOT, offset: 0, heard: 5, together: 5 });
    expect(made.missing).toEqual([ports[2]!, ports[5]!, ports[6]!]);
  });

  test.each([-40, -3, -2, -1, 0, 1, 2, 3, 40])("finds a knock of %d slots off", (offset) => {
    const hits = hitsOn(portsOf(BOB, SLOT + offset), NOW);
    const made = only(findTriesNow(hits, SUBJECTS));
    expect(made).toMatchObject({ subject: BOB, offset, heard: 8, missing: [], together: 8 });
  });

  test("finds nothing further away than it looks", () => {
    for (const offset of [-41, 41]) {
      expect(findTriesNow(hitsOn(portsOf(BOB, SLOT + offset), NOW), SUBJECTS)).toEqual([]);
    }
  });

  test("judges each try by its own time, the latest first", () => {
    const hits = [
      ...hitsOn(portsOf(ALICE, SLOT).slice(1), NOW),
      ...hitsOn(portsOf(ALICE, SLOT + 1), NOW + 31_000),
      ...hitsOn(portsOf(BOB, SLOT - 2), NOW + 62_000),
    ];
    expect(
      findTriesNow(hits, SUBJECTS).map((made) =>
        made.kind === "rotating" ? [made.subject.user, made.offset, made.heard] : [],
      ),
    ).toEqual([
      ["bob", -4, 8],
      ["alice", 0, 8],
      ["alice", 0, 7],
    ]);
  });

  test("leaves out the oldest where a source knocked more often than it tells", () => {
    const hits = Array.from({ length: 9 }, (_, i) =>
      hitsOn(portsOf(ALICE, SLOT + i), NOW + i * 30_000),
    ).flat();
    const slots = findTriesNow(hits, SUBJECTS).map((made) =>
      made.kind === "rotating" ? made.slot - SLOT : undefined,
    );
    expect(slots).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test("sees ports that came too far apart, and others that came in between", () => {
    const ports = portsOf(ALICE, SLOT);
    const slow = only(findTriesNow(hitsOn(ports, NOW, 2_000), SUBJECTS));
    expect(slow).toMatchObject({ heard: 8, together: 6, spreadMs: 14_000, others: 0 });
    const noise = Array.from({ length: 70 }, (_, i) => 25_000 + i);
    const crowd = [...ports.slice(0, 4), ...noise, ...ports.slice(4)];
    expect(only(findTriesNow(hitsOn(crowd, NOW), SUBJECTS))).toMatchObject({
      together: 8,
      others: 70,
    });
  });

  test("takes the same ports sent again for the later try, not for one slow one", () => {
    const ports = portsOf(ALICE, SLOT);
    const hits = [...hitsOn(ports, NOW), ...hitsOn(ports, NOW + 12_000)];
    const made = only(findTriesNow(hits, SUBJECTS));
    expect([made.together, made.firstMs, made.lastMs]).toEqual([8, NOW + 12_000, NOW + 12_007]);
  });

  test("does not take a port of a whole rotating sequence for the beginning of a fixed one", () => {
    const ports = portsOf(ALICE, SLOT);
    const knocks = [ports.at(-1)!, 1, 2].map((port) => ({ proto: "tcp" as const, port }));
    const sequence = { knocks, timeoutMs: 15_000 };
    const fixed = [{ door: "legacy", action: "open" as const, sequence }];
    const kinds = (hit: readonly number[]) =>
      findTriesNow(hitsOn(hit, NOW), { ...SUBJECTS, fixed }).map(({ kind }) => kind);
    expect(kinds(ports)).toEqual(["rotating"]);
    expect(kinds([...ports, 1])).toEqual(["fixed", "rotating"]);
  });

  test("knows the protocol of a door", () => {
    const carol = device("vpn carol phone", { ...DEFAULT_SPACE, proto: "udp" });
    const ports = portsOf(carol, SLOT);
    const subjects = { rotating: [carol], fixed: [] };
    expect(findTriesNow(hitsOn(ports, NOW), subjects)).toEqual([]);
    expect(only(findTriesNow(hitsOn(ports, NOW, 1, "udp"), subjects)).heard).toBe(8);
  });

  test("finds nothing in noise, however many devices there are", () => {
    const crowd = Array.from({ length: 200 }, (_, i) => device(`ssh user${i} x`));
    const { lo, hi } = DEFAULT_SPACE;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: lo, max: hi }), { minLength: 128, maxLength: 128 }),
        (ports) => {
          const tries = findTriesNow(hitsOn(ports, NOW, 100), { rotating: crowd, fixed: [] });
          expect(tries).toEqual([]);
        },
      ),
      { numRuns: 20, seed: 4711 },
    );
  }, 60_000);

  test("never throws, and tells at most eight tries, of any knocks at all", () => {
    const hit = fc.record({
      timeMs: fc.double({ min: 0, max: 4e12, noNaN: true }),
      proto: fc.constantFrom(6, 17),
      port: fc.oneof(
        fc.integer({ min: 0, max: 65_535 }),
        fc.integer({ min: -3, max: 3 }).chain((o) => fc.constantFrom(...portsOf(ALICE, SLOT + o))),
      ),
    });
    fc.assert(
      fc.property(fc.array(hit, { maxLength: 128 }), (hits) => {
        const firstMs = Math.min(...hits.map(({ timeMs }) => timeMs));
        // As HitTable hands them out: nothing before a long pause.
        const near = hits.filter(({ timeMs }) => timeMs - firstMs < 600_000);
        const tries = findTriesNow(near, SUBJECTS);
        expect(tries.length).toBeLessThanOrEqual(8);
      }),
      { numRuns: rounds(200) },
    );
  }, 60_000);

  test("works in steps of at most 1,024 sequences, so that many devices hold up nobody", () => {
    const crowd = Array.from({ length: 300 }, (_, i) => device(`ssh user${i} x`));
    const hits = hitsOn(portsOf(crowd[299]!, slotAt(NOW, 30)), NOW);
    const search = findTries(hits, { rotating: crowd, fixed: [] });
    let steps = 0;
    for (;;) {
      const { done, value } = search.next();
      if (done !== true) {
        steps++;
        continue;
      }
      expect(only(value).subject.user).toBe("user299");
      break;
    }
    expect(steps).toBe(Math.floor((300 * 81) / 1_024));
  });
});

describe("chanceOf()", () => {
  test("is what trying it out shows", () => {
    const random = seeded(7);
    const [ports, distinct, range, times] = [4, 20, 100, 20_000];
    const draw = (count: number) => {
      const drawn = new Set<number>();
      while (drawn.size < count) drawn.add(Math.floor(random() * range));
      return drawn;
    };
    for (const heard of [1, 2, 3]) {
      let seen = 0;
      for (let i = 0; i < times; i++) {
        const hits = draw(distinct);
        const found = [...draw(ports)].filter((port) => hits.has(port)).length;
        if (found >= heard) seen++;
      }
      expect(chanceOf(heard, ports, distinct, range)).toBeGreaterThanOrEqual((seen / times) * 0.95);
      expect(chanceOf(heard, ports, distinct, range)).toBeLessThan((seen / times) * 2.5);
    }
  });
});
