/** Slots that may have been used before a loss of memory: refused, and never taken for used. */

import { expect, test } from "bun:test";
import { Matcher } from "../../../src/match/matcher.ts";
import { device, feedAll, NOW, portsOf, Recorder, SLOT } from "../../support/matcher.ts";

const ALICE = device("ssh alice laptop");
const HOME = "203.0.113.7";
const DOUBT = { door: "ssh", user: "alice", device: "laptop", stepSeconds: 30, slot: SLOT };

function stage() {
  const sink = new Recorder();
  const matcher = new Matcher({ rotating: [ALICE], fixed: [] }, sink);
  matcher.markUsed({ ...DOUBT, doubtful: true });
  return { sink, matcher };
}

test("a doubtful slot is refused in silence, and the next one opens", () => {
  const { sink, matcher } = stage();
  feedAll(matcher, HOME, portsOf(ALICE, SLOT), NOW);
  expect(sink.lines).toEqual([]);
  feedAll(matcher, HOME, portsOf(ALICE, SLOT + 1), NOW + 1);
  expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT + 1} ${HOME}`]);
});

test("a doubtful slot is no use: neither the kernel nor another matcher hears of it", () => {
  const { matcher } = stage();
  expect([...matcher.usedSlots()]).toEqual([]);
  expect(matcher.usesOf(ALICE)).toEqual([{ ...DOUBT, doubtful: true }]);
});
