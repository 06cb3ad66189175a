/**
 * What a wake-up costs this machine when nothing is done in it: `scripts/bun scripts/bench-wake.ts [SECONDS]`. Prints
 * microseconds of the processor for each sleep, and the same where the thread then reads 64 KiB, as far apart as
 * caches keep them: no program that sleeps between packets can need less. Medians of ten turns.
 */

import { nap } from "../src/native/nap.ts";

const SECONDS = Number(process.argv[2] ?? 10);
if (!(SECONDS > 0)) {
  console.error("scripts/bench-wake.ts: SECONDS is a number above 0");
  process.exit(64);
}
const SLEEPS_MS = [0.3, 2, 20, 40] as const;
const TURNS = 10;
const LINE_BYTES = 64;
const memory = new Uint8Array(1_024 * LINE_BYTES);

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

let sum = 0;
function read(): void {
  for (let at = 0; at < memory.length; at += LINE_BYTES) sum += memory[at]!;
}

/** Microseconds of the processor for one sleep of `ms`, with `work` behind it. */
function costOf(ms: number, work: () => void): number {
  const count = Math.max(1, Math.round((SECONDS * 1_000) / (SLEEPS_MS.length * 2 * TURNS) / ms));
  const before = cpuUs();
  for (let i = 0; i < count; i++) {
    nap(ms);
    work();
  }
  return (cpuUs() - before) / count;
}

const nothing = () => undefined;
costOf(0.3, read);
const rows = SLEEPS_MS.map((ms) => ({ ms, bare: [] as number[], reading: [] as number[] }));
for (let turn = 0; turn < TURNS; turn++) {
  for (const row of rows) {
    row.bare.push(costOf(row.ms, nothing));
    row.reading.push(costOf(row.ms, read));
  }
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(1);
console.log("sleep, ms | nothing, µs | 64 KiB read, µs");
for (const { ms, bare, reading } of rows) {
  console.log(`${String(ms).padStart(9)} | ${median(bare).padStart(11)} | ${median(reading)}`);
}
if (sum < 0) throw new Error("never: it keeps the reads from being left out");
