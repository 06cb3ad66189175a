/** A plan that replaces another one while frames wait in the captures. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Counters } from "../../../src/core/counters.ts";
import { Hearing } from "../../../src/data-plane/hearing.ts";
import type { Plan } from "../../../src/data-plane/plan.ts";
import type { PortRange } from "../../../src/core/port.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import { SubjectTable } from "../../../src/match/subject-table.ts";
import type { FixedSubject } from "../../../src/match/subject.ts";
import { PollSet } from "../../../src/native/poll-set.ts";
import { preciseClock } from "../../../src/native/precise-clock.ts";
import { slotAt } from "../../../src/rks/slot.ts";
import { doorOf } from "../../support/daemon.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { device, portsOf, Recorder } from "../../support/matcher.ts";
import { sendSegment } from "../../support/raw-segment.ts";

const ALICE = device("ssh alice laptop");

let lab: Lab;
beforeAll(() => void (lab = new Lab()));
afterAll(() => lab[Symbol.dispose]());

/** In no order that a scan of ports has. */
const LEGACY: FixedSubject = {
  door: "legacy",
  action: "open",
  sequence: {
    knocks: [7_000, 9_000, 8_000, 9_500].map((port) => ({ proto: "tcp" as const, port })),
    timeoutMs: 5_000,
  },
};

/** `more` ports are heard besides: captures with another filter. */
function planOf(interfaces: readonly string[], more: readonly PortRange[] = []): Plan {
  const { proto, lo, hi } = ALICE.space;
  const ranges = [
    { proto, from: lo, to: hi },
    { proto, from: 7_000, to: 9_500 },
  ];
  const rotating = SubjectTable.of([ALICE]);
  const doors = [doorOf()];
  return { interfaces, heard: [...ranges, ...more], doors, rotating, fixed: [LEGACY], uses: [] };
}

const OTHER_FILTER = [{ proto: "udp", from: 5_000, to: 5_010 }] as const;

function knockFromClient(ports: readonly number[], families: readonly (4 | 6)[] = [4]): void {
  for (const [i, port] of ports.entries()) {
    for (const family of families) {
      const to = family === 4 ? lab.address4.server : lab.address6.server;
      // The reply of the closed port came by after the segment did: it waits in the captures.
      const reply = sendSegment(lab, "client", { to, port, sourcePort: 41_000 + i });
      expect(reply).toBe("refused");
    }
  }
}

function listen() {
  const sink = new Recorder();
  const poll = new PollSet();
  const counters = new Counters();
  const clock = preciseClock();
  const here = <T>(work: () => T) => inside(lab.namespace("server"), work);
  const hits = new HitLog(clock.wallMs());
  const parts = {
    clock,
    counters,
    poll,
    hits,
    sink,
    lost: (sentence: string): void => expect.unreachable(sentence),
  };
  const hearing = here(() => new Hearing(planOf(["eth0"]), false, parts));
  const hear = () => {
    while (poll.wait(0) > 0) hearing.listener.drain();
  };
  /** `meanwhile` is the moment before the new captures are attached, `entered` the one after. */
  const replace = (plan: Plan, meanwhile = () => {}, entered = () => {}) =>
    here(() => {
      const known = () => {
        meanwhile();
        return [];
      };
      hearing.replace(plan, known, entered);
    });
  return {
    hearing,
    parts,
    sink,
    counters,
    hear,
    replace,
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  };
}

const portsNow = () => portsOf(ALICE, slotAt(Date.now(), ALICE.space.stepSeconds));

describe("Hearing.replace() loses no knock", () => {
  test.each([
    ["all of it waits", 0],
    ["half of it was heard, and half waits", 4],
    ["half of it waits, and half comes later", -4],
  ])("%s", (_, cut) => {
    using server = listen();
    const ports = portsNow();
    const [first, second] = [ports.slice(0, cut), ports.slice(cut)];
    knockFromClient(first, [4, 6]);
    if (cut > 0) server.hear();
    if (cut >= 0) knockFromClient(second, [4, 6]);
    server.replace(planOf(["eth0", "ctr0"]));
    if (cut < 0) knockFromClient(second, [4, 6]);
    server.hear();
    // The two families are two sources; the second is refused, since each knock opens once.
    expect(server.sink.matches.map(({ source }) => source.family)).toEqual([4]);
    expect(server.counters.get("knocks")).toBe(16);
  });

  test.each([
    ["captures that go on", []],
    ["captures with another filter", OTHER_FILTER],
  ])("that comes in its midst, %s", (_, more) => {
    using server = listen();
    server.replace(planOf(["eth0"], more), () => knockFromClient(portsNow()));
    server.hear();
    expect(server.sink.matches).toHaveLength(1);
    expect(server.counters.get("knocks")).toBe(8);
  });
});

describe("Hearing.replace() lets no packet count twice for a fixed sequence", () => {
  test.each([
    ["captures that go on", []],
    ["captures with another filter", OTHER_FILTER],
  ])("%s", (_, more) => {
    using server = listen();
    const right = LEGACY.sequence.knocks.map(({ port }) => port);
    const wrong = [...right.slice(2), ...right.slice(0, 2)];
    server.replace(planOf(["eth0"], more), undefined, () => knockFromClient(wrong));
    server.hear();
    expect(server.sink.lines).toEqual([]);
    server.replace(planOf(["eth0"]), undefined, () => knockFromClient(right));
    server.hear();
    expect(server.sink.said).toEqual(["open legacy 10.77.0.2"]);
  });
});

test("Hearing.replace() takes over no capture of an interface that is gone, though another has its name", () => {
  const link = (...words: string[]) => lab.run("server", ["ip", "link", ...words]);
  const make = () => {
    link("add", "own0", "type", "veth", "peer", "own1");
    link("set", "own0", "up");
  };
  using server = listen();
  make();
  server.replace(planOf(["eth0", "own0"]));
  // The kernel tells nobody of the end of an interface that is down.
  link("set", "own0", "down");
  link("delete", "own0");
  make();
  const lost: string[] = [];
  server.parts.lost = (sentence) => void lost.push(sentence);
  server.replace(planOf(["eth0", "own0"]));
  expect(lost).toEqual([expect.stringContaining("own0")]);
  expect(server.hearing.listener.attached).toEqual(["eth0", "own0"]);
  expect(server.hearing.listener.countDrops().lost).toEqual([]);
  link("delete", "own0");
});
