/** The matcher against the specification taken word by word: same packets, same answers. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Matcher } from "../../../src/match/matcher.ts";
import type { KnockSpace } from "../../../src/rks/space.ts";
import { NaiveMatcher } from "./naive-matcher.ts";
import { device, knock, portsOf, Recorder } from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

const SOURCES = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
const LO = 1_000;

const spaces: fc.Arbitrary<KnockSpace> = fc.record({
  proto: fc.constant("tcp" as const),
  lo: fc.constant(LO),
  hi: fc.integer({ min: LO + 7, max: LO + 24 }),
  ports: fc.integer({ min: 2, max: 4 }),
  stepSeconds: fc.integer({ min: 1, max: 12 }),
  windowSeconds: fc.integer({ min: 1, max: 6 }),
  skew: fc.integer({ min: 0, max: 2 }),
  slack: fc.integer({ min: 0, max: 6 }),
});

/** A random hit, or a knock of a device as it may come: shuffled, with copies, with a port missing. */
const act = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      ports: fc.array(fc.integer({ min: LO - 1, max: LO + 25 }), { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      subject: fc.nat({ max: 3 }),
      slotsAway: fc.integer({ min: -3, max: 3 }),
      picks: fc.array(fc.nat({ max: 3 }), { minLength: 2, maxLength: 9 }),
    }),
  },
);

const step = fc.record({
  source: fc.nat({ max: SOURCES.length - 1 }),
  act,
  /** How far the clock moves before, and how far behind it each packet of the act is stamped. */
  waitMs: fc.oneof(fc.constant(0), fc.nat({ max: 400 }), fc.nat({ max: 8_000 })),
  lag: fc.double({ min: 0, max: 1, noNaN: true }),
  proto: fc.oneof(
    { weight: 9, arbitrary: fc.constant("tcp" as const) },
    fc.constant("udp" as const),
  ),
});

/** Where the clock stands in each part of a run; it is set from one to the next, forward or back. */
const epochs = fc
  .uniqueArray(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 3 })
  .map((hours) => hours.map((hour) => 1_800_000_000_000 + hour * 3_600_000));

test("matcher.feed() decides every packet as the specification does", () => {
  let spent = 0;
  let told = 0;
  fc.assert(
    fc.property(
      spaces,
      epochs,
      fc.array(step, { minLength: 10, maxLength: 60 }),
      fc.array(fc.constantFrom("spent" as const, "spent" as const, "kept" as const), {
        maxLength: 30,
      }),
      fc.nat({ max: 7 }),
      fc.constantFrom(Infinity, Infinity, 1, 3),
      (space, starts, steps, verdicts, prepareEvery, replaceEvery) => {
        const devices = ["ssh alice", "ssh bob", "web alice", "web bob"];
        const subjects = devices.map((name) => device(`${name} x`, space));
        const real = new Recorder(verdicts);
        const naive = new Recorder(verdicts);
        const make = (before?: Matcher) =>
          new Matcher({ rotating: subjects, fixed: [] }, real, { sourcesPerFamily: 8 }, before);
        let matcher = make();
        const model = new NaiveMatcher(subjects, naive);
        const perEpoch = Math.ceil(steps.length / starts.length);
        let clock = 0;
        for (const [i, { source, act: what, waitMs, lag, proto }] of steps.entries()) {
          clock = i % perEpoch === 0 ? starts[i / perEpoch]! : clock + waitMs;
          if (i % replaceEvery === replaceEvery - 1) {
            const before = matcher;
            matcher = make(before);
            for (const use of before.usedSlots()) matcher.markUsed(use);
            before.release();
          }
          if (i % 8 < prepareEvery) matcher.prepare(clock, 3);
          const slot = Math.floor(clock / 1_000 / space.stepSeconds);
          const ports =
            "ports" in what
              ? what.ports
              : what.picks.map((pick) => {
                  const due = portsOf(subjects[what.subject]!, slot + what.slotsAway);
                  return due[pick % due.length]!;
                });
          for (const [at, port] of ports.entries()) {
            // Behind by up to a window: the furthest that out-of-order packets are understood.
            const behind = at % 2 === 0 ? 0 : Math.floor(lag * space.windowSeconds * 1_000);
            const one = knock(SOURCES[source]!, port, clock - behind, proto);
            matcher.feed(one);
            model.feed(one);
          }
        }
        expect(real.lines).toEqual(naive.lines);
        spent += real.lines.filter((line) => line.startsWith("spent")).length;
        told += real.lines.filter((line) => line.startsWith("re")).length;
      },
    ),
    { numRuns: rounds(1_000) },
  );
  // The generator must reach what the property is about.
  expect(spent).toBeGreaterThan(rounds(1_000));
  expect(told).toBeGreaterThan(rounds(80));
}, 60_000);
