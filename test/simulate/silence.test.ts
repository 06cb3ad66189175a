/** A silence that is passed over must leave everything as one in which every timer fires. */

import { expect, test } from "bun:test";
import { randomFrom } from "../support/random.ts";
import { Agenda } from "./agenda.ts";
import { nextSeldomMs, Silence } from "./silence.ts";
import { play } from "./simulation.ts";
import { CLEAN } from "./deeds.ts";
import type { Act, Deed } from "./story.ts";
import { LONG_CONFIGURATIONS } from "./world.ts";

const HOUR_MS = 3_600_000;

const WAIT: Deed = { type: "wait" };

function after(hours: number, deed: Deed): Act {
  return { afterMs: hours * HOUR_MS + 777, deed };
}

function knock(person: number, door: string): Deed {
  return { type: "knock", person, door, clockMs: 0, road: { ...CLEAN, seed: 1 } };
}

/** Doors that stay open for days, faults, a restart and another time of day, hours apart. */
const ACTS: readonly Act[] = [
  after(0, knock(0, "ssh")),
  after(7, { type: "reload", number: LONG_CONFIGURATIONS[0]!.number, broken: false, yes: true }),
  after(5, knock(4, "ssh")),
  after(4, { type: "empty", set: "grants", unheard: true }),
  after(3, { type: "clock", byMs: 5 * HOUR_MS }),
  after(6, { type: "restart", downMs: 5 * HOUR_MS, reboot: false }),
  after(8, knock(2, "web")),
  after(0, { type: "connect", person: 2, port: 8443, forMs: 90_000 }),
  after(5, { type: "arm", forMs: HOUR_MS }),
  after(4, { type: "reload", number: 9, broken: false, yes: true, armMs: 40_000 }),
  after(0, { type: "confirm", force: true }),
  after(9, { type: "close", which: 0 }),
  after(3, WAIT),
];

async function tell(leaps: boolean) {
  const sparse = { beginMs: Date.parse("2028-02-27T00:00:00Z"), leaps, restMs: 20 * HOUR_MS };
  return await play({ seed: 1, setSize: 65_536, movesEnds: true, acts: ACTS, sparse });
}

test("a silence that is passed over tells the same story as one that is played", async () => {
  const [whole, short] = [await tell(false), await tell(true)];
  // Timers that fire a thousand times more are late by some hundredths of a millisecond more.
  const untimed = (lines: readonly string[]) =>
    lines.map((line) => line.replaceAll(/\.\d{3}/g, ""));
  expect(short.violation).toBeUndefined();
  expect(whole.playedMs).toBe(whole.simulatedMs);
  expect(short.playedMs).toBeLessThan(whole.playedMs / 2);
  expect(whole.lines.length).toBeGreaterThan(30);
  expect(untimed(short.lines)).toEqual(untimed(whole.lines));
}, 120_000);

test("nothing is passed over while something changes, or where it is due within an hour", () => {
  const agenda = new Agenda(0);
  let state = 0;
  const fired: number[] = [];
  const tick = () => {
    fired.push(agenda.monotonicMs());
    agenda.after(60_000, tick);
  };
  agenda.after(60_000, tick);
  const dueMs = 30 * HOUR_MS;
  agenda.at(dueMs, () => fired.push(-1));
  agenda.at(5 * HOUR_MS, () => {
    state = 1;
  });
  const passed: number[] = [];
  void new Silence(
    agenda,
    {
      told: () => 0,
      // Counts until the fifth hour.
      state: () => `${state === 1 ? "" : agenda.monotonicMs()}`,
      untilMs: () => nextSeldomMs(agenda),
      passed: (ms) => void passed.push(agenda.monotonicMs() - ms, agenda.monotonicMs()),
    },
    () => 0,
  );
  while (agenda.monotonicMs() < dueMs) agenda.step();
  expect(passed[0]).toBeGreaterThan(5 * HOUR_MS);
  expect(passed.at(-1)).toBeLessThanOrEqual(dueMs - HOUR_MS);
  expect(agenda.monotonicMs()).toBe(dueMs);
  expect(fired.at(-1)).toBe(-1);
  // At its beginning and at its end, every minute.
  expect(fired.filter((ms) => ms >= dueMs - HOUR_MS)).toHaveLength(60);
  expect(fired.length).toBeLessThan(10 * 60);
});

test("Agenda.leap() keeps the order of what waits, with cancelled work among it", () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = randomFrom(seed);
    const agenda = new Agenda(0);
    const done: number[] = [];
    const at = (ms: number) => agenda.at(ms, () => done.push(agenda.monotonicMs()));
    const cancelled = Array.from({ length: 1 + random(4) }, () => at(20 + random(50)));
    for (let i = random(6); i >= 0; i--) at(random(10));
    at(500);
    for (const number of cancelled) agenda.cancel(number);
    agenda.leap(100, 10);
    const late = Array.from({ length: random(6) }, () => 100 + random(30));
    for (const ms of late) agenda.at(ms, () => done.push(ms));
    while (agenda.step());
    expect([seed, done]).toEqual([seed, done.toSorted((a, b) => a - b)]);
  }
});
