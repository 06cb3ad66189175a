/**
 * The long run of the decoder's fuzz test:
 *
 *     bun scripts/fuzz-decode.ts [COUNT] [SEED]
 *
 * Ends with an error at the first frame that the decoder and its slow reference see differently, that
 * makes it throw, or that makes it read outside; and when memory grows.
 */

import { fuzzDecode } from "../test/support/fuzz-decode.ts";

/** Frames between two lines of progress. */
const ROUND = 500_000;

/** Garbage of the harness comes and goes; a leak of one word a frame would be 80 MB in ten million. */
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

const [countText = "10000000", seedText = `${Date.now() % 1_000_000}`] = process.argv.slice(2);
const count = Number(countText);
const seed = Number(seedText);

let knocks = fuzzDecode(Math.min(count, ROUND), seed).knocks; // and warms up
Bun.gc(true);
const before = process.memoryUsage.rss();
const start = performance.now();
for (let done = ROUND, round = 1; done < count; done += ROUND, round++) {
  knocks += fuzzDecode(Math.min(ROUND, count - done), seed + round).knocks;
  console.log(`${done + ROUND} frames, ${knocks} knocks, seed ${seed + round}`);
}
Bun.gc(true);
const growth = process.memoryUsage.rss() - before;
console.log(
  `fuzz-decode: ${count} frames, ${knocks} knocks, 0 differences, ${Math.round(growth / 1024)} KiB growth, ${((performance.now() - start) / 1000).toFixed(1)} s, seed ${seed}`,
);
if (growth > MOST_GROWTH_BYTES) process.exitCode = 1;
