/** The ledger: which grant lives until when, by a clock that nobody can set. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Ledger } from "../../../src/data-plane/ledger.ts";
import { grantOf } from "../../support/store.ts";

const WALL = 1_800_000_000_000;
const A = grantOf("203.0.113.7", { openedMs: WALL, expiresMs: WALL + 30_000 });
const B = grantOf("203.0.113.8", { openedMs: WALL, expiresMs: WALL + 10_000 });

describe("Ledger", () => {
  test("open() keeps the longer of two lives, and the time of the first opening", () => {
    for (const [afterMs, lifeMs, endsMs] of [
      [10_000, 30_000, 40_000],
      [10_000, 20_000, 30_000],
      [10_000, 1_000, 30_000],
    ] as const) {
      const ledger = new Ledger();
      expect(ledger.open(A, 30_000, 0)).toEqual({ grant: A, renewed: false });
      const again = { ...A, openedMs: WALL + afterMs, expiresMs: WALL + afterMs + lifeMs };
      const { grant, renewed } = ledger.open(again, lifeMs, afterMs);
      expect([renewed, grant.openedMs, grant.expiresMs]).toEqual([true, WALL, WALL + endsMs]);
      expect([ledger.size, ledger.count("ssh")]).toEqual([1, 1]);
    }
  });

  test("due() tells the same ends until each is closed or given more life", () => {
    const ledger = new Ledger();
    ledger.open(A, 30_000, 0);
    ledger.open(B, 10_000, 0);
    const ids = (nowMs: number) => ledger.due(nowMs).map(({ id }) => id);
    expect([ids(9_999), ids(10_000)]).toEqual([[], [B.id]]);
    expect([ids(10_000), ledger.nextEndMs]).toEqual([[B.id], 10_000]);
    ledger.setLife(B.id, 5_000, 10_000);
    expect(ledger.nextEndMs).toBe(15_000);
    expect([ids(14_999), ids(30_000)]).toEqual([[], [B.id, A.id]]);
    ledger.close(B.id);
    ledger.setLife(A.id, 0, 30_000);
    expect(ids(30_000)).toEqual([A.id]);
    ledger.close(A.id);
    expect([ids(60_000), ledger.nextEndMs]).toEqual([[], Infinity]);
  });

  test("list() tells ends by the wall clock of now, however it was set meanwhile", () => {
    const ledger = new Ledger();
    ledger.open(A, 30_000, 0);
    const dayBackMs = WALL - 86_400_000;
    expect(ledger.list(12_000, dayBackMs).map(({ expiresMs }) => expiresMs)).toEqual([
      dayBackMs + 18_000,
    ]);
    expect(ledger.living(A.id, 45_000, WALL)?.expiresMs).toBe(WALL);
    expect(ledger.living(B.id, 0, WALL)).toBeUndefined();
  });

  test("close() answers the grant once, and setLife() makes none", () => {
    const ledger = new Ledger();
    ledger.open(A, 30_000, 0);
    expect([ledger.close(A.id), ledger.close(A.id)]).toEqual([A, undefined]);
    ledger.setLife(A.id, 30_000, 0);
    expect([ledger.size, ledger.count("ssh"), ledger.get(A.id)]).toEqual([0, 0, undefined]);
  });

  test("due() and page() take no more at a time than is asked for, and leave nobody out", () => {
    const ledger = new Ledger();
    const grants = Array.from({ length: 1_000 }, (_, i) =>
      grantOf(`10.1.${i >> 8}.${i & 255}`, { expiresMs: WALL + ((i * 7) % 1_000) }),
    );
    for (const grant of grants) ledger.open(grant, grant.expiresMs - WALL, 0);
    const listed: string[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page = ledger.page(0, WALL, after, 64);
      expect(page.grants.length).toBeLessThanOrEqual(64);
      listed.push(...page.grants.map(({ id }) => id));
      // A grant that ends during a listing neither stops nor moves it.
      ledger.close(grants[listed.length - 10]!.id);
      after = page.next;
    }
    expect(listed).toEqual(grants.map(({ id }) => id));
    let left = ledger.size;
    for (let some = ledger.due(500, 32); some.length > 0; some = ledger.due(500, 32)) {
      expect(some.length).toBeLessThanOrEqual(32);
      expect(some[0]!.expiresMs - WALL).toBe(ledger.nextEndMs);
      for (const { id, expiresMs } of some) {
        expect(expiresMs - WALL).toBeLessThanOrEqual(500);
        ledger.close(id);
        left--;
      }
    }
    expect([ledger.size, ledger.nextEndMs]).toEqual([left, 501]);
  });

  test("nextEndMs is the first end, and counts are those of the list, in any order of calls", () => {
    const step = fc.record({
      act: fc.constantFrom("open", "setLife", "close", "due"),
      host: fc.nat(5),
      door: fc.constantFrom("ssh", "web"),
      lifeMs: fc.nat(100),
      passMs: fc.nat(40),
    });
    const play = (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const ledger = new Ledger();
      let nowMs = 0;
      for (const { act, host, door, lifeMs, passMs } of steps) {
        nowMs += passMs;
        const grant = grantOf(`10.0.0.${host}`, { door, expiresMs: WALL + nowMs + lifeMs });
        if (act === "open") ledger.open(grant, lifeMs, nowMs);
        if (act === "setLife") ledger.setLife(grant.id, lifeMs, nowMs);
        if (act === "close") ledger.close(grant.id);
        if (act === "due") for (const { id } of ledger.due(nowMs)) ledger.close(id);
        const all = ledger.list(0, 0);
        // By a wall clock that runs with the monotonic one, and was not set: a grant that is over
        // counts as now.
        const ends = all.map(({ expiresMs }) => expiresMs);
        expect(ledger.nextEndMs).toBe(Math.min(Infinity, ...ends));
        expect(ledger.size).toBe(all.length);
        expect(ledger.count(door)).toBe(all.filter((one) => one.door === door).length);
      }
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), play));
  });
});
