/** Rotating knocks: which open, which do not, and the reports of their uses. */

import { describe, expect, test } from "bun:test";
import { Matcher } from "../../../src/match/matcher.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { useId } from "../../../src/rks/use-id.ts";
import {
  device,
  feedAll,
  knock,
  NOW,
  portsOf,
  Recorder,
  seeded,
  shuffled,
  SLOT,
} from "../../support/matcher.ts";
import { rounds } from "../../support/rounds.ts";

const ALICE = device("ssh alice laptop");
const BOB = device("ssh bob phone");
const PORTS = portsOf(ALICE, SLOT);
const HOME = "192.0.2.7";

function listen(
  sink = new Recorder(),
  subjects = [ALICE, BOB],
): { matcher: Matcher; sink: Recorder } {
  return { matcher: new Matcher({ rotating: subjects, fixed: [] }, sink), sink };
}

test("matcher.feed() remembers no more sources than come within two windows, however many come in a day", () => {
  const { matcher, sink } = listen();
  const spanMs = 2 * ALICE.space.windowSeconds * 1_000;
  for (let i = 0; i < 3_000; i++) {
    const timeMs = NOW + (i * spanMs) / 10;
    const [port] = portsOf(ALICE, Math.floor(timeMs / 1_000 / ALICE.space.stepSeconds));
    matcher.feed(knock(`2001:db8:0:${i.toString(16)}::1`, port!, timeMs));
  }
  expect(matcher.stats.sources6).toBeWithin(10, 13);
  expect(matcher.stats.evicted).toBe(0);
  feedAll(matcher, HOME, PORTS, NOW);
  feedAll(matcher, "2001:db8:0:1::1", PORTS.slice(1), NOW);
  expect(sink.lines).toHaveLength(1);
});

describe("matcher.feed(), one knock", () => {
  test.each(["192.0.2.7", "2001:db8::7"])("matches the ports of the slot from %s", (source) => {
    const { matcher, sink } = listen();
    feedAll(matcher, source, PORTS, NOW);
    expect(sink.lines).toEqual([`spent ssh alice laptop #${SLOT} ${source} @${NOW}`]);
    expect(sink.matches[0]!.use).toEqual(useId(ALICE.key, "ssh", SLOT));
  });

  test("matches any order, copies and the reordering of a real network", () => {
    const random = seeded(1);
    for (let round = 0; round < rounds(200); round++) {
      const { matcher, sink } = listen();
      for (const port of shuffled([...PORTS, ...PORTS], random)) {
        matcher.feed(knock(HOME, port, NOW + Math.round(random() * 400)));
      }
      expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT} ${HOME}`]);
    }
  });

  test.each(PORTS.map((port, i) => [i, port] as const))(
    "does not match without knock %i",
    (_, missing) => {
      const { matcher, sink } = listen();
      const others = PORTS.filter((port) => port !== missing);
      feedAll(matcher, HOME, [...others, ...others, ...others], NOW);
      expect(sink.lines).toEqual([]);
    },
  );

  test.each([
    ["is within the window", 10_000, 1],
    ["is a millisecond longer than the window", 10_001, 0],
  ])("with the last knock when it %s", (_, lastMs, matches) => {
    const { matcher, sink } = listen();
    feedAll(matcher, HOME, PORTS.slice(0, -1), NOW);
    matcher.feed(knock(HOME, PORTS.at(-1)!, NOW + lastMs));
    expect(sink.lines).toHaveLength(matches);
  });

  test.each([
    ["-2", -2, 0],
    ["-1", -1, 1],
    ["+1", 1, 1],
    ["+2", 2, 0],
  ])("with a client whose clock is %s slots off", (_, slots, matches) => {
    const { matcher, sink } = listen();
    feedAll(matcher, HOME, portsOf(ALICE, SLOT + slots), NOW);
    expect(sink.lines).toHaveLength(matches);
  });

  test("matches a knock that begins before its slot is accepted and ends after", () => {
    const { matcher, sink } = listen();
    const acceptedFrom = NOW + 15_000;
    feedAll(matcher, HOME, portsOf(ALICE, SLOT + 2), acceptedFrom - 4_500, 1_000);
    expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT + 2} ${HOME}`]);
  });

  test("ignores the other protocol, and TCP where the door says udp", () => {
    const overUdp = device("dns alice laptop", { ...DEFAULT_SPACE, proto: "udp" });
    const { matcher, sink } = listen(new Recorder(), [ALICE, overUdp]);
    for (const port of PORTS) matcher.feed(knock(HOME, port, NOW, "udp"));
    for (const port of portsOf(overUdp, SLOT)) matcher.feed(knock(HOME, port, NOW, "tcp"));
    expect(sink.lines).toEqual([]);
    for (const port of portsOf(overUdp, SLOT)) matcher.feed(knock(HOME, port, NOW, "udp"));
    expect(sink.said).toEqual([`spent dns alice laptop #${SLOT} ${HOME}`]);
  });

  test("does not join knocks of two addresses or of two families", () => {
    const { matcher, sink } = listen();
    feedAll(matcher, "192.0.2.7", PORTS.slice(0, 4), NOW);
    feedAll(matcher, "192.0.2.8", PORTS.slice(4), NOW);
    feedAll(matcher, "c000:207::", PORTS.slice(4), NOW);
    expect(sink.lines).toEqual([]);
  });

  test("gives a source that takes another's place in a full table nothing of what that one hit", () => {
    const sink = new Recorder();
    const matcher = new Matcher({ rotating: [ALICE], fixed: [] }, sink, { sourcesPerFamily: 1 });
    feedAll(matcher, HOME, PORTS.slice(0, 7), NOW);
    matcher.feed(knock("198.51.100.1", PORTS[7]!, NOW));
    expect(sink.lines).toEqual([]);
    expect(matcher.stats).toEqual({ sources4: 1, sources6: 0, evicted: 1 });
  });

  test("never takes the marks of an examination long past for its own", () => {
    const { matcher, sink } = listen(new Recorder(), [ALICE]);
    const junk = Array.from({ length: 8 }, (_, i) => 40_000 + i).filter((p) => !PORTS.includes(p));
    feedAll(matcher, HOME, [PORTS[0]!, ...junk, ...PORTS.slice(0, 7)], NOW);
    // Marks are numbered from 1 to 255 and begin again: a stale one must not pass for a new one.
    feedAll(matcher, "198.51.100.1", [PORTS[7]!, ...junk], NOW);
    for (let i = 0; i < 1_000; i++) matcher.feed(knock("198.51.100.1", PORTS[7]!, NOW));
    expect(sink.lines).toEqual([]);
  });

  test("keeps doors with other terms apart and believes each by its own", () => {
    const space = { ...DEFAULT_SPACE, lo: 30_000, hi: 31_999, ports: 12, stepSeconds: 60 };
    const lights = device("lights alice laptop", space);
    const { matcher, sink } = listen(new Recorder(), [ALICE, lights]);
    feedAll(matcher, HOME, portsOf(lights, SLOT / 2), NOW);
    feedAll(matcher, HOME, PORTS, NOW);
    expect(sink.said).toEqual([
      `spent lights alice laptop #${SLOT / 2} ${HOME}`,
      `spent ssh alice laptop #${SLOT} ${HOME}`,
    ]);
  });
});

describe("matcher.feed(), one use", () => {
  test("tells nothing of copies, and once of what comes later from the address that used it", () => {
    const { matcher, sink } = listen();
    for (let i = 0; i < 50; i++) feedAll(matcher, HOME, PORTS, NOW + 200 * i);
    expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT} ${HOME}`]);
    for (let i = 1; i < 50; i++) feedAll(matcher, HOME, PORTS, NOW + 10_000 + i);
    expect(sink.lines.slice(1)).toEqual([
      `repeated ssh alice laptop #${SLOT} ${HOME} @${NOW + 10_001}`,
    ]);
  });

  test("tells of replays from other addresses once, however many forge them", () => {
    const { matcher, sink } = listen();
    feedAll(matcher, HOME, PORTS, NOW);
    for (let i = 1; i < 50; i++) feedAll(matcher, `198.51.100.${i}`, PORTS, NOW + i);
    feedAll(matcher, "2001:db8::1", PORTS, NOW + 60);
    expect(sink.lines).toEqual([
      `spent ssh alice laptop #${SLOT} ${HOME} @${NOW}`,
      `reused ssh alice laptop #${SLOT} 198.51.100.1 @${NOW + 1} first ${HOME} @${NOW}`,
    ]);
  });

  test("spends the slots before a used one, and tells of a replay of one used before", () => {
    const { matcher, sink } = listen();
    feedAll(matcher, HOME, portsOf(ALICE, SLOT - 1), NOW);
    feedAll(matcher, HOME, portsOf(ALICE, SLOT + 1), NOW);
    feedAll(matcher, "198.51.100.1", PORTS, NOW);
    feedAll(matcher, "198.51.100.1", portsOf(ALICE, SLOT - 1), NOW);
    expect(sink.said).toEqual([
      `spent ssh alice laptop #${SLOT - 1} ${HOME}`,
      `spent ssh alice laptop #${SLOT + 1} ${HOME}`,
      `reused ssh alice laptop #${SLOT - 1} 198.51.100.1 first ${HOME}`,
    ]);
  });

  test("tells of a replay that is stamped before a slot whose use is already recorded", () => {
    const strict = device("ssh alice strict", { ...DEFAULT_SPACE, skew: 0 });
    const { matcher, sink } = listen(new Recorder(), [strict]);
    const border = NOW + 15_000;
    feedAll(matcher, HOME, portsOf(strict, SLOT), border - 2);
    feedAll(matcher, HOME, portsOf(strict, SLOT + 1), border);
    feedAll(matcher, "198.51.100.1", portsOf(strict, SLOT), border - 1);
    expect(sink.said.at(-1)).toBe(`reused ssh alice strict #${SLOT} 198.51.100.1 first ${HOME}`);
  });

  test("offers the lower of two slots first when one packet completes both", () => {
    const space = { ...DEFAULT_SPACE, lo: 1_000, hi: 1_004, ports: 3, slack: 2 };
    const subject = device("ssh alice tiny", space);
    const { matcher, sink } = listen(new Recorder(), [subject]);
    const all = [1_000, 1_001, 1_002, 1_003, 1_004];
    const shared = portsOf(subject, SLOT).find((port) =>
      portsOf(subject, SLOT + 1).includes(port),
    )!;
    feedAll(matcher, HOME, [...all.filter((port) => port !== shared), shared], NOW);
    const slots = sink.matches.map(({ slot }) => slot);
    expect(slots.slice(-2)).toEqual([SLOT, SLOT + 1]);
  });

  test("offers a use again when the opening failed", () => {
    const { matcher, sink } = listen(new Recorder(["kept", "kept"]));
    feedAll(matcher, HOME, [...PORTS, PORTS[0]!, PORTS[1]!, PORTS[2]!, PORTS[3]!], NOW);
    expect(sink.said.map((line) => line.split(" ")[0])).toEqual(["kept", "kept", "spent"]);
  });

  test("takes nothing used or older after the clock was set back, and the newer once it is due", () => {
    const { matcher, sink } = listen();
    feedAll(matcher, HOME, PORTS, NOW);
    const back = NOW - 3_600_000;
    feedAll(matcher, HOME, PORTS, back);
    for (let slot = SLOT - 121; slot <= SLOT - 119; slot++) {
      feedAll(matcher, HOME, portsOf(ALICE, slot), back);
    }
    expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT} ${HOME}`]);
    feedAll(matcher, HOME, portsOf(ALICE, SLOT + 1), NOW + 1_000);
    expect(sink.said.at(-1)).toBe(`spent ssh alice laptop #${SLOT + 1} ${HOME}`);
  });

  test("locks nobody out whose server's clock went a day ahead and back without a knock", () => {
    const { matcher, sink } = listen();
    matcher.feed(knock(HOME, PORTS[0]!, NOW));
    matcher.feed(knock(HOME, PORTS[0]!, NOW + 86_400_000));
    matcher.prepare(NOW + 86_400_000, 1_000);
    feedAll(matcher, HOME, PORTS, NOW + 5);
    expect(sink.said).toEqual([`spent ssh alice laptop #${SLOT} ${HOME}`]);
  });

  test("is not deceived by the modulo of its times: 2^32 ms later the old ports do not count", () => {
    const step = 2 ** 32;
    const later = Math.floor((NOW + step) / 30_000);
    const ports = portsOf(ALICE, later);
    const { matcher, sink } = listen();
    // In the space of a slot 49 days ahead none of these ports is valid, so a valid one comes first.
    feedAll(matcher, HOME, [PORTS[0]!, ...ports.slice(0, 7)], NOW);
    matcher.feed(knock(HOME, ports[7]!, NOW + step));
    expect(sink.lines).toEqual([]);
  });
});

describe("matcher.markUsed() and usedSlots()", () => {
  const name = { door: "ssh", user: "alice", device: "laptop", stepSeconds: 30 };

  test("spends a slot known from elsewhere and all before it", () => {
    const { matcher, sink } = listen();
    expect(matcher.markUsed({ ...name, slot: SLOT })).toBe(true);
    feedAll(matcher, HOME, portsOf(ALICE, SLOT - 1), NOW);
    feedAll(matcher, HOME, PORTS, NOW);
    expect(sink.lines).toEqual([]);
    feedAll(matcher, HOME, portsOf(ALICE, SLOT + 1), NOW);
    expect(sink.lines).toHaveLength(1);
  });

  test("takes nothing from slots of another length: their numbers mean other times", () => {
    const { matcher, sink } = listen();
    expect(matcher.markUsed({ ...name, stepSeconds: 15, slot: 2 * SLOT })).toBe(false);
    feedAll(matcher, HOME, PORTS, NOW);
    expect(sink.lines).toHaveLength(1);
  });

  test("says when there is no such subject, and never moves back", () => {
    const { matcher, sink } = listen();
    expect(matcher.markUsed({ ...name, device: "tablet", slot: SLOT })).toBe(false);
    matcher.markUsed({ ...name, slot: SLOT });
    matcher.markUsed({ ...name, slot: SLOT - 5 });
    feedAll(matcher, HOME, PORTS, NOW);
    expect(sink.lines).toEqual([]);
    expect([...matcher.usedSlots()]).toEqual([{ ...name, slot: SLOT }]);
  });

  test("hands over uses, users and what was told, so that a reload changes no answer", () => {
    const first = listen();
    feedAll(first.matcher, HOME, portsOf(ALICE, SLOT - 1), NOW);
    feedAll(first.matcher, HOME, PORTS, NOW);
    feedAll(first.matcher, "198.51.100.1", PORTS, NOW + 9);
    first.matcher.markUsed({
      door: "ssh",
      user: "bob",
      device: "phone",
      stepSeconds: 30,
      slot: SLOT,
    });

    const second = listen();
    for (const use of first.matcher.usedSlots()) second.matcher.markUsed(use);
    expect([...second.matcher.usedSlots()]).toEqual([...first.matcher.usedSlots()]);
    feedAll(second.matcher, "198.51.100.2", PORTS, NOW + 20);
    feedAll(second.matcher, HOME, portsOf(BOB, SLOT), NOW + 20);
    feedAll(second.matcher, "198.51.100.2", portsOf(ALICE, SLOT - 1), NOW + 30);
    feedAll(second.matcher, HOME, PORTS, NOW + 10_040);
    expect(second.sink.said).toEqual([
      `reused ssh alice laptop #${SLOT - 1} 198.51.100.2 first ${HOME}`,
      `repeated ssh alice laptop #${SLOT} ${HOME}`,
    ]);
  });
});
