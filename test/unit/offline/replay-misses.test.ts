/** The doors that a capture file's sources nearly opened, in the order of their tries. */

import { expect, test } from "bun:test";
import { UsedKnocks } from "../../../src/control-plane/explain/used-knocks.ts";
import { ReplayMisses } from "../../../src/offline/replay-misses.ts";
import { Matcher } from "../../../src/match/matcher.ts";
import { SubjectTable } from "../../../src/match/subject-table.ts";
import { device, knock, NOW, portsOf, Recorder, SLOT } from "../../support/matcher.ts";

const ALICE = device("ssh alice laptop");
const SUBJECTS = { rotating: SubjectTable.of([ALICE]), fixed: [] };

test("ReplayMisses tells each try of each source once, and none that opened", () => {
  const matcher = new Matcher(SUBJECTS, new Recorder());
  const misses = new ReplayMisses(
    { ...SUBJECTS, interfaces: [], heard: [], doors: [], uses: [] },
    matcher,
    new UsedKnocks(),
  );
  const send = (source: string, ports: readonly number[], timeMs: number) => {
    for (const [i, port] of ports.entries()) {
      const heard = knock(source, port, timeMs + i);
      matcher.feed(heard);
      misses.note(heard);
    }
  };
  send("203.0.113.9", portsOf(ALICE, SLOT), NOW);
  send("198.51.100.7", portsOf(ALICE, SLOT), NOW + 1_000);
  send("203.0.113.9", portsOf(ALICE, SLOT), NOW + 8_000);
  send("192.0.2.1", portsOf(ALICE, SLOT + 7).slice(3), NOW + 210_000);
  send("192.0.2.1", portsOf(ALICE, SLOT + 17), NOW + 410_000);
  send("192.0.2.2", [20_001, 20_002, 20_003], NOW + 500_000);
  const said = misses.finish();
  expect(said.map((line) => line.replaceAll(/\d\d:\d\d:\d\d/g, "TIME"))).toEqual([
    "203.0.113.9: The right ports of alice/laptop for ssh, but their slot was used at TIME UTC from this very address, so they opened nothing this time: two devices with one link, or a device that lost its state?",
    "198.51.100.7: The right ports of alice/laptop for ssh, already used at TIME UTC from 203.0.113.9: each knock opens once (addresses can be forged)",
    expect.stringMatching(/^192\.0\.2\.1: 5 of 8 ports of alice\/laptop for ssh, .* never arrived/),
    expect.stringMatching(/^192\.0\.2\.1: The right ports .* 3 slots early: .* \(fast\)/),
  ]);
});
