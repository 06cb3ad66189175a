/** A plan that replaces another one, without captures. */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { Counters } from "../../../src/core/counters.ts";
import { Hearing, type Hears } from "../../../src/data-plane/hearing.ts";
import type { Plan } from "../../../src/data-plane/plan.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import type { Matcher } from "../../../src/match/matcher.ts";
import { SubjectTable } from "../../../src/match/subject-table.ts";
import { doorOf, HandClock } from "../../support/daemon.ts";
import { device, feedAll, NOW, portsOf, Recorder, SLOT } from "../../support/matcher.ts";
import { parseAddress } from "../../../src/core/address.ts";

const ALICE = device("ssh alice laptop");
const HOME = "203.0.113.7";
const EAVESDROPPER = "198.51.100.66";

function planOf(uses: Plan["uses"], subjects = [ALICE]): Plan {
  const rotating = SubjectTable.of(subjects);
  return { interfaces: ["eth0"], heard: [], doors: [doorOf()], rotating, fixed: [], uses };
}

function capturesOf(matcher: Hears["matcher"]): Hears {
  return {
    matcher,
    attached: ["eth0"],
    missing: [],
    standsIn: false,
    attachMissing: () => [],
    countDrops: () => ({ fresh: 0, lost: [] }),
    drain: () => [],
    [Symbol.dispose]: () => {},
  };
}

function listen() {
  const sink = new Recorder();
  const hearing = new Hearing(planOf([]), false, {
    clock: new HandClock(),
    counters: new Counters(),
    poll: { add: () => {}, remove: () => {}, ready: () => false },
    hits: new HitLog(NOW, 8),
    sink,
    listen: (_interfaces, _heard, _mayStandIn, { matcher }) => capturesOf(matcher),
  });
  return { hearing, sink };
}

/** As the store remembers it. */
const USE = {
  door: "ssh",
  user: "alice",
  device: "laptop",
  stepSeconds: 30,
  slot: SLOT,
  source: parseAddress(HOME)!,
  timeMs: NOW,
};

const SLOWER = { ...ALICE, space: { ...ALICE.space, stepSeconds: 60 } };
const OTHER_KEY = { ...ALICE, key: ALICE.key.toReversed() };

test.each([
  ["at once", undefined],
  ["after a plan without the device", []],
  ["after a plan with other slots", [SLOWER]],
])("Hearing.replace() keeps what was told of a use: its alarm comes once, %s", (_, between) => {
  const { hearing, sink } = listen();
  const ports = portsOf(ALICE, SLOT);
  feedAll(hearing.matcher, HOME, ports, NOW);
  feedAll(hearing.matcher, EAVESDROPPER, ports, NOW + 10);
  expect(sink.said).toHaveLength(2);
  if (between !== undefined) hearing.replace(planOf([], between), []);
  hearing.replace(planOf([USE]), []);
  feedAll(hearing.matcher, EAVESDROPPER, ports, NOW + 20);
  expect(sink.said).toHaveLength(2);
});

test("Hearing.replace() gives another key none of the uses of the one before", () => {
  const { hearing, sink } = listen();
  const ports = portsOf(ALICE, SLOT);
  feedAll(hearing.matcher, HOME, ports, NOW);
  feedAll(hearing.matcher, EAVESDROPPER, ports, NOW + 10);
  hearing.replace(planOf([], []), []);
  hearing.replace(planOf([], [OTHER_KEY]), []);
  feedAll(hearing.matcher, HOME, portsOf(OTHER_KEY, SLOT), NOW + 20);
  expect(sink.said).toHaveLength(3);
});

test("Hearing.replace() gives the memory of the plan before back, whatever still refers to it", () => {
  const heldMB = () => {
    Bun.gc(true);
    return heapStats().extraMemorySize / 1e6;
  };
  const { hearing } = listen();
  const over: Matcher[] = [];
  const before = heldMB();
  for (let i = 0; i < 5; i++) {
    over.push(hearing.matcher);
    hearing.replace(planOf([]), []);
  }
  // Each takes 34 MB; the engine may still find one or two on its stack.
  expect(heldMB() - before).toBeLessThan(80);
  for (const matcher of over) {
    feedAll(matcher, HOME, portsOf(ALICE, SLOT), NOW);
    expect(matcher.stats).toEqual({ sources4: 0, sources6: 0, evicted: 0 });
  }
});
