/** A plan that replaces another one while frames wait in the captures. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { Counters } from "../../../src/core/counters.ts";
import { Hearing } from "../../../src/data-plane/hearing.ts";
import type { Plan } from "../../../src/data-plane/plan.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import { SubjectTable } from "../../../src/match/subject-table.ts";
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

function planOf(interfaces: readonly string[]): Plan {
  const { proto, lo, hi } = ALICE.space;
  const heard = [{ proto, from: lo, to: hi }];
  const rotating = SubjectTable.of([ALICE]);
  return { interfaces, heard, doors: [doorOf()], rotating, fixed: [], uses: [] };
}

function knockFromClient(ports: readonly number[]): void {
  for (const [i, port] of ports.entries()) {
    for (const to of [lab.address4.server, lab.address6.server]) {
      // The reply of the closed port came by after the segment did: it waits in the captures.
      const reply = sendSegment(lab, "client", { to, port, sourcePort: 41_000 + i });
      expect(reply).toBe("refused");
    }
  }
}

test.each([
  ["all of a knock waits", 0],
  ["half of a knock was heard, and half of it waits", 4],
  ["half of a knock waits, and half of it comes later", -4],
])("no knock is lost by a reload: %s", (_, cut) => {
  const ports = portsOf(ALICE, slotAt(Date.now(), ALICE.space.stepSeconds));
  const sink = new Recorder();
  const poll = new PollSet();
  const counters = new Counters();
  const clock = preciseClock();
  using hearing = inside(
    lab.namespace("server"),
    () =>
      new Hearing(planOf(["eth0"]), false, {
        clock,
        counters,
        poll,
        hits: new HitLog(clock.wallMs()),
        sink,
      }),
  );
  const hear = () => {
    while (poll.wait(0) > 0) hearing.listener.drain();
  };
  const [first, second] = [ports.slice(0, cut), ports.slice(cut)];
  knockFromClient(first);
  if (cut > 0) hear();
  if (cut >= 0) knockFromClient(second);
  inside(lab.namespace("server"), () => hearing.replace(planOf(["eth0", "ctr0"]), []));
  if (cut < 0) knockFromClient(second);
  hear();
  const opened = sink.matches.map(({ source }) => source.family).sort();
  // The two families are two sources; the second is refused, since each knock opens once.
  expect(opened).toEqual([4]);
  expect(counters.get("knocks")).toBe(16);
});
