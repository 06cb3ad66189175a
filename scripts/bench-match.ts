/**
 * What a packet costs the matcher: `bun scripts/bench-match.ts [packets]`.
 *
 * For 1, 100 and 10,000 devices at one door with the default terms: packets to ports of no sequence,
 * packets of 131,072 random sources, junk from a single source whose ring is full, and whole knocks.
 * Before that the memory that a flood of sources fills, after it what derivation ahead of time costs.
 */

import { emptyKnock } from "../src/core/knock.ts";
import { Matcher } from "../src/match/matcher.ts";
import type { MatchSink, RotatingSubject } from "../src/match/subject.ts";
import { sequencePorts } from "../src/rks/sequence.ts";
import { slotAt } from "../src/rks/slot.ts";
import { DEFAULT_SPACE } from "../src/rks/space.ts";

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

/** xorshift32: cheap enough not to be what is measured. */
let state = 0x9e37_79b9;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

function devices(count: number): RotatingSubject[] {
  return Array.from({ length: count }, (_, i) => ({
    door: "ssh",
    user: `user${i}`,
    device: "laptop",
    key: new Bun.CryptoHasher("sha256").update(`device ${i}`).digest(),
    space: DEFAULT_SPACE,
  }));
}

function fresh(subjects: readonly RotatingSubject[]): Matcher {
  const matcher = new Matcher({ rotating: subjects, fixed: [] }, silent);
  while (matcher.prepare(START_MS, 100_000));
  return matcher;
}

/** Nanoseconds a packet, with what `shape` writes into the knock before each. */
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

const rows = [1, 100, 10_000].map((count) => {
  const subjects = devices(count);
  const slot = slotAt(START_MS, DEFAULT_SPACE.stepSeconds);
  const valid = new Set<number>();
  for (const { key, door } of subjects) {
    for (let s = slot - 2; s <= slot + 2; s++) {
      for (const port of sequencePorts(key, door, DEFAULT_SPACE, s)) valid.add(port);
    }
  }
  const misses = Array.from({ length: RANGE }, (_, p) => DEFAULT_SPACE.lo + p).filter(
    (port) => !valid.has(port),
  );
  const knocks = subjects
    .slice(0, 1_000)
    .map(({ key, door }) => sequencePorts(key, door, DEFAULT_SPACE, slot));

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
    const sender = (i >>> 3) % knocks.length;
    knock.s0 = 0x0a00_0000 + sender;
    knock.port = knocks[sender]![i & 7]!;
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

const many = devices(10_000);
const idle = new Matcher({ rotating: many, fixed: [] }, silent);
let worst = 0;
let calls = 0;
for (let waiting = true; waiting; calls++) {
  const from = Bun.nanoseconds();
  waiting = idle.prepare(START_MS, 100);
  worst = Math.max(worst, Bun.nanoseconds() - from);
}
const cold = new Matcher({ rotating: many, fixed: [] }, silent);
const from = Bun.nanoseconds();
cold.feed({ ...emptyKnock(), proto: 6, port: DEFAULT_SPACE.lo, timeMs: START_MS });
console.log(
  `prepare(…, 100), 10,000 devices: ${calls} calls, worst ${(worst / 1e6).toFixed(2)} ms; ` +
    `unprepared packet ${((Bun.nanoseconds() - from) / 1e6).toFixed(0)} ms`,
);
