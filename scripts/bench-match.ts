/**
 * What a packet costs the matcher: `bun scripts/bench-match.ts [packets]`.
 *
 * For 1, 100, 10,000 and 100,000 devices at one door with the default terms and the `ports` their number
 * demands: packets to ports of no sequence, packets of 131,072 random sources, junk from a single source
 * whose ring is full, and whole knocks. Before that the memory that a flood of sources fills, after it what
 * the change of a slot costs.
 */

import { emptyKnock } from "../src/core/knock.ts";
import { portsNeeded } from "../src/rks/bound.ts";
import { Matcher } from "../src/match/matcher.ts";
import { type Subjects, SubjectTable } from "../src/match/subject-table.ts";
import type { MatchSink, RotatingSubject } from "../src/match/subject.ts";
import { sequencePorts } from "../src/rks/sequence.ts";
import { slotAt } from "../src/rks/slot.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../src/rks/space.ts";

const PACKETS = Number(process.argv[2] ?? 2_000_000);
const SOURCES = 131_072;
const START_MS = 1_800_000_015_000;
const RANGE = DEFAULT_SPACE.hi - DEFAULT_SPACE.lo + 1;

const silent: MatchSink = {
  rotating: () => "spent",
  fixed: () => undefined,
  repeated: () => undefined,
  reused: () => undefined,
};

/** xorshift32: cheap enough not to dominate the measurement. */
let state = 0x9e37_79b9;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** The default terms with the ports that so many devices need. */
function spaceFor(count: number): KnockSpace {
  const ports = portsNeeded([{ door: "ssh", devices: count, space: DEFAULT_SPACE }])!;
  return { ...DEFAULT_SPACE, ports };
}

function devices(count: number): RotatingSubject[] {
  const space = spaceFor(count);
  return Array.from({ length: count }, (_, i) => ({
    door: "ssh",
    user: `user${i}`,
    device: "laptop",
    key: new Bun.CryptoHasher("sha256").update(`device ${i}`).digest(),
    space,
  }));
}

function fresh(subjects: Subjects): Matcher {
  const matcher = new Matcher({ rotating: subjects, fixed: [] }, silent);
  while (matcher.prepare(START_MS, 100_000));
  return matcher;
}

/** Nanoseconds for each packet; `shape` writes each one into the knock before. */
function measure(
  matcher: Matcher,
  shape: (knock: ReturnType<typeof emptyKnock>, i: number) => void,
) {
  const knock = emptyKnock();
  knock.proto = 6;
  const run = (count: number) => {
    const from = Bun.nanoseconds();
    for (let i = 0; i < count; i++) {
      knock.timeMs = START_MS + (i & 0xfff) / 1_000;
      shape(knock, i);
      matcher.feed(knock);
    }
    return (Bun.nanoseconds() - from) / count;
  };
  run(PACKETS / 10);
  return run(PACKETS);
}

/** How much the process grows while sources of both families fill the tables. */
function measureMemory(): string {
  const matcher = fresh(devices(10_000));
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const knock = { ...emptyKnock(), proto: 6 };
  for (let i = 0; i < PACKETS * 2; i++) {
    knock.family = i % 2 === 0 ? 4 : 6;
    knock.timeMs = START_MS + i / 1_000;
    knock.s0 = i % 2 === 0 ? random() % SOURCES : 0x2001_0db8;
    knock.s1 = i % 2 === 0 ? 0 : random() % SOURCES;
    knock.port = DEFAULT_SPACE.lo + (random() % RANGE);
    matcher.feed(knock);
  }
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  return `memory: ${grown.toFixed(1)} MiB grown, ${JSON.stringify(matcher.stats)}`;
}

// First, while the process has no freed memory that the tables could take unseen.
console.log(measureMemory());

const COUNTS = [1, 100, 10_000, 100_000];

const rows = COUNTS.map((count) => {
  const subjects = devices(count);
  const slot = slotAt(START_MS, DEFAULT_SPACE.stepSeconds);
  const valid = new Set<number>();
  // A thousand of them leave few ports outside all sequences, ten thousand none.
  for (const { key, door, space } of subjects.slice(0, 20_000)) {
    for (let s = slot - 2; s <= slot + 2; s++) {
      for (const port of sequencePorts(key, door, space, s)) valid.add(port);
    }
  }
  const misses = Array.from({ length: RANGE }, (_, p) => DEFAULT_SPACE.lo + p).filter(
    (port) => !valid.has(port),
  );
  const knocks = subjects
    .slice(0, 1_000)
    .map(({ key, door, space }) => sequencePorts(key, door, space, slot));

  const miss =
    misses.length === 0
      ? Number.NaN
      : measure(fresh(subjects), (knock) => {
          knock.s0 = random() % SOURCES;
          knock.port = misses[random() % misses.length]!;
        });
  const flood = measure(fresh(subjects), (knock) => {
    knock.s0 = Math.imul(random() % SOURCES, 0x9e37_79b1) >>> 0;
    knock.port = DEFAULT_SPACE.lo + (random() % RANGE);
  });
  const flood6 = measure(fresh(subjects), (knock) => {
    knock.family = 6;
    knock.s0 = 0x2001_0db8;
    knock.s1 = Math.imul(random() % SOURCES, 0x9e37_79b1) >>> 0;
    knock.s3 = 1;
    knock.port = DEFAULT_SPACE.lo + (random() % RANGE);
  });
  const neighbour = measure(fresh(subjects), (knock, i) => {
    knock.s0 = 0x0a00_0001;
    const first = knocks[0]!;
    knock.port = i % 64 === 0 ? first[(i / 64) % 4]! : DEFAULT_SPACE.lo + (random() % RANGE);
  });
  const hit = measure(fresh(subjects), (knock, i) => {
    const ports = knocks[0]!.length;
    const sender = Math.floor(i / ports) % knocks.length;
    knock.s0 = 0x0a00_0000 + sender;
    knock.port = knocks[sender]![i % ports]!;
  });
  const noise = measure(fresh(subjects), (knock) => {
    knock.s0 = random();
    knock.port = 1 + (random() % 1_024);
  });
  const cell = (ns: number) => (Number.isNaN(ns) ? "every port is valid" : `${ns.toFixed(0)} ns`);
  return {
    devices: count,
    "outside the range": cell(noise),
    miss: cell(miss),
    "131k sources, v4": cell(flood),
    "131k sources, v6": cell(flood6),
    "junk of one source": cell(neighbour),
    "whole knocks": cell(hit),
  };
});
console.log(Bun.inspect.table(rows));

/** As in the data plane: sequences derived between two looks at the wire. */
const PIECE = 256;
const SLOTS = 20;

/** The cost of a slot change, and the longest time without a look at a packet. */
function measureSlots(count: number) {
  const subjects = SubjectTable.of(devices(count));
  const before = process.memoryUsage.rss();
  const matcher = fresh(subjects);
  const totals: number[] = [];
  const pieces: number[] = [];
  const turns: number[] = [];
  const knock = { ...emptyKnock(), proto: 6, port: DEFAULT_SPACE.lo };
  for (let slot = 1; slot <= SLOTS; slot++) {
    const nowMs = START_MS + slot * DEFAULT_SPACE.stepSeconds * 1_000;
    let total = 0;
    for (let waiting = true; waiting;) {
      const from = Bun.nanoseconds();
      waiting = matcher.prepare(nowMs, PIECE);
      pieces.push(Bun.nanoseconds() - from);
      total += pieces.at(-1)!;
    }
    totals.push(total);
    const from = Bun.nanoseconds();
    matcher.feed({ ...knock, timeMs: nowMs });
    turns.push(Bun.nanoseconds() - from);
  }
  const at = (values: number[], q: number) =>
    (values.sort((a, b) => a - b)[Math.floor(q * (values.length - 1))]! / 1e6).toFixed(3);
  return {
    devices: count,
    "a slot, ms": at(totals, 0.5),
    "a piece, ms": at(pieces, 0.5),
    "p99, ms": at(pieces, 0.99),
    "longest, ms": at(pieces, 1),
    "first packet of a slot, ms": at(turns, 0.5),
    "grown, MiB": ((process.memoryUsage.rss() - before) / 2 ** 20).toFixed(0),
  };
}

console.log(Bun.inspect.table(COUNTS.map(measureSlots)));

const cold = new Matcher({ rotating: devices(100_000), fixed: [] }, silent);
const from = Bun.nanoseconds();
cold.feed({ ...emptyKnock(), proto: 6, port: DEFAULT_SPACE.lo, timeMs: START_MS });
console.log(
  `a packet that finds nothing prepared, 100,000 devices: ${((Bun.nanoseconds() - from) / 1e6).toFixed(0)} ms`,
);
