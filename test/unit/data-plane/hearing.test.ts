/** A plan that replaces another one, without captures. */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { Counters } from "../../../src/core/counters.ts";
import { Hearing } from "../../../src/data-plane/hearing.ts";
import type { Plan } from "../../../src/data-plane/plan.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import type { Matcher } from "../../../src/match/matcher.ts";
import { SubjectTable } from "../../../src/match/subject-table.ts";
import { SimulatedCaptures } from "../../support/captures.ts";
import { doorOf, HandClock } from "../../support/daemon.ts";
import { device, feedAll, knock, NOW, portsOf, Recorder, SLOT } from "../../support/matcher.ts";
import { parseAddress } from "../../../src/core/address.ts";

const ALICE = device("ssh alice laptop");
const BOB = device("ssh bob phone");
const HOME = "203.0.113.7";
const EAVESDROPPER = "198.51.100.66";

function planOf(uses: Plan["uses"], subjects = [ALICE]): Plan {
  const rotating = SubjectTable.of(subjects);
  return { interfaces: ["eth0"], heard: [], doors: [doorOf()], rotating, fixed: [], uses };
}

function listen() {
  const sink = new Recorder();
  const captures = new SimulatedCaptures((one, feed) => feed(one));
  const hearing = new Hearing(planOf([]), false, {
    clock: new HandClock(),
    counters: new Counters(),
    poll: { add: () => {}, remove: () => {}, ready: () => false },
    hits: new HitLog(NOW, 8),
    sink,
    lost: () => {},
    listen: (_interfaces, _heard, _mayStandIn, { matcher, before }) =>
      captures.attach(matcher, "the same", before),
  });
  return { hearing, sink, captures };
}

/** The kernel remembers no use. */
const NONE = () => [];

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
  if (between !== undefined) hearing.replace(planOf([], between), NONE);
  hearing.replace(planOf([USE]), NONE);
  feedAll(hearing.matcher, EAVESDROPPER, ports, NOW + 20);
  expect(sink.said).toHaveLength(2);
});

test("Hearing.replace() gives another key none of the uses of the one before", () => {
  const { hearing, sink } = listen();
  const ports = portsOf(ALICE, SLOT);
  feedAll(hearing.matcher, HOME, ports, NOW);
  feedAll(hearing.matcher, EAVESDROPPER, ports, NOW + 10);
  hearing.replace(planOf([], []), NONE);
  hearing.replace(planOf([], [OTHER_KEY]), NONE);
  feedAll(hearing.matcher, HOME, portsOf(OTHER_KEY, SLOT), NOW + 20);
  expect(sink.said).toHaveLength(3);
});

test("Hearing.replace() hears what waits by the plan before, and then asks the kernel for its uses", () => {
  const { hearing, sink, captures } = listen();
  const ports = portsOf(ALICE, SLOT);
  ports.forEach((port, i) => captures.packet(knock(HOME, port, NOW + i)));
  const renamed = { ...ALICE, device: "desktop" };
  hearing.replace(planOf([], [renamed]), () => sink.matches.map(({ use }) => use));
  expect(sink.lines).toEqual([expect.stringContaining("spent")]);
  // The client's second copy: the kernel knows the use, under no name.
  feedAll(hearing.matcher, HOME, ports, NOW + 20);
  expect(sink.lines).toHaveLength(1);
});

test("Hearing.replace() lets a device that was revoked open by no knock that is only half in time", () => {
  const { hearing, sink, captures } = listen();
  const [last, ...first] = portsOf(ALICE, SLOT);
  first.forEach((port, i) => captures.packet(knock(HOME, port, NOW + i)));
  hearing.replace(planOf([], [BOB]), NONE);
  feedAll(hearing.matcher, HOME, [last!], NOW + 20);
  expect(sink.lines).toEqual([]);
});

test("Hearing.replace() keeps half a knock, as long as the terms stay", () => {
  const { hearing, sink } = listen();
  const [last, ...first] = portsOf(ALICE, SLOT);
  feedAll(hearing.matcher, HOME, first, NOW);
  hearing.replace(planOf([], [ALICE, BOB]), NONE);
  feedAll(hearing.matcher, HOME, [last!], NOW + 20);
  expect(sink.lines).toEqual([expect.stringContaining("spent")]);
  const wider = { ...ALICE, space: { ...ALICE.space, lo: ALICE.space.lo - 1 } };
  const [end, ...begin] = portsOf(wider, SLOT);
  hearing.replace(planOf([], [wider]), NONE);
  feedAll(hearing.matcher, HOME, begin, NOW + 40);
  hearing.replace(planOf([], [ALICE]), NONE);
  hearing.replace(planOf([], [wider]), NONE);
  feedAll(hearing.matcher, HOME, [end!], NOW + 60);
  expect(sink.lines).toHaveLength(1);
});

test("Hearing.replace() keeps the half of a fixed sequence, unless another has its place", () => {
  const fixed = (door: string) =>
    [
      {
        door,
        action: "open" as const,
        sequence: {
          knocks: [7_000, 8_000, 9_000].map((port) => ({ proto: "tcp" as const, port })),
          timeoutMs: 5_000,
        },
      },
    ] satisfies Plan["fixed"];
  const { hearing, sink } = listen();
  const goThrough = (first: string, second: string) => {
    hearing.replace({ ...planOf([]), fixed: fixed(first) }, NONE);
    feedAll(hearing.matcher, HOME, [7_000, 8_000], NOW);
    hearing.replace({ ...planOf([]), fixed: fixed(second) }, NONE);
    feedAll(hearing.matcher, HOME, [9_000], NOW + 20);
    return sink.lines.length;
  };
  expect(goThrough("web", "web")).toBe(1);
  expect(goThrough("web", "mail")).toBe(1);
});

/** What tables take in this thread. */
function heldMB(): number {
  Bun.gc(true);
  return heapStats().extraMemorySize / 1e6;
}

test("Hearing.replace() takes no new memory for sources, and lets the matcher before go, whatever still refers to it", () => {
  const { hearing } = listen();
  const over: Matcher[] = [];
  const before = heldMB();
  for (let i = 0; i < 5; i++) {
    over.push(hearing.matcher);
    hearing.replace(planOf([]), NONE);
  }
  // The sources of one matcher take 34 MB.
  expect(heldMB() - before).toBeLessThan(5);
  for (const matcher of over) {
    feedAll(matcher, HOME, portsOf(ALICE, SLOT), NOW);
    expect(matcher.stats).toEqual({ sources4: 0, sources6: 0, evicted: 0 });
  }
});

test("Hearing.replace() gives the memory back of sources that it cannot keep", () => {
  const { hearing } = listen();
  const over: Matcher[] = [];
  const before = heldMB();
  for (let i = 1; i <= 5; i++) {
    over.push(hearing.matcher);
    hearing.replace(planOf([], [{ ...ALICE, space: { ...ALICE.space, slack: i } }]), NONE);
  }
  // The engine may still find one or two on its stack.
  expect(heldMB() - before).toBeLessThan(80);
  expect(over).toHaveLength(5);
});
