/** `scripts/simulate`: plays stories from seeds until so many hours are simulated, or a promise breaks. */

import { randomFrom } from "../support/random.ts";
import { numberOf, readOptions } from "./arguments.ts";
import { shrink } from "./shrink.ts";
import { play } from "./simulation.ts";
import { makeSparseStory } from "./sparse-story.ts";
import { makeStory } from "./make-story.ts";
import { Tally } from "./tally.ts";

const values = readOptions({
  seed: { type: "string", default: "1" },
  hours: { type: "string", default: "1" },
  /** Stories of years with long silences, until there are so many years of them. */
  years: { type: "string" },
  /** Passes over no part of these silences. */
  "every-firing": { type: "boolean", default: false },
  /** Seconds of the processor's time: how busy the machine is must not decide what is found. */
  seconds: { type: "string", default: "Infinity" },
  acts: { type: "string", default: "40" },
  /** Print every line of every story. */
  tell: { type: "boolean", default: false },
  /** Goes on after a broken promise, and tells only which it was. */
  survey: { type: "boolean", default: false },
  "no-shrink": { type: "boolean", default: false },
});

const seconds = numberOf("seconds", values.seconds);
const HOUR_MS = 3_600_000;
const YEAR_MS = 365.2425 * 24 * HOUR_MS;
const isSparse = values.years !== undefined;
const wantedMs = isSparse
  ? numberOf("years", values.years!) * YEAR_MS
  : numberOf("hours", values.hours) * HOUR_MS;
const acts = numberOf("acts", values.acts);
const beganMs = performance.now();
let simulatedMs = 0;
let playedMs = 0;
const tally = new Tally();
let stories = 0;
/** The processor's time for all this. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const digest = new Bun.CryptoHasher("sha256");
let failed = false;
for (let seed = numberOf("seed", values.seed); simulatedMs < wantedMs; seed++) {
  if (spentMs() > seconds * 1_000) break;
  const story = isSparse
    ? makeSparseStory(seed, !values["every-firing"], randomFrom(seed))
    : makeStory(seed, acts, randomFrom(seed));
  const told = await play(story);
  stories++;
  simulatedMs += told.simulatedMs;
  playedMs += told.playedMs;
  tally.addAll(told.tally);
  digest.update(told.lines.join("\n"));
  if (values.tell) console.log(told.lines.join("\n"));
  if (told.violation === undefined) continue;
  failed = true;
  console.log(`seed ${seed} breaks a promise: ${told.violation.message}`);
  if (values.survey) continue;
  if (!values["no-shrink"]) {
    const short = await shrink(story, told.violation.promise, isSparse ? 120_000 : 20_000);
    console.log(`${short.acts.length} of ${story.acts.length} acts are enough:`);
    console.log((await play(short)).lines.join("\n"));
  }
  break;
}
const tookMs = performance.now() - beganMs;
const hours = `${(simulatedMs / HOUR_MS).toFixed(1)} simulated hours`;
const years = `${(simulatedMs / YEAR_MS).toFixed(1)} simulated years, ${(playedMs / HOUR_MS).toFixed(0)} hours of them with every firing,`;
console.log(tally.toString());
console.log(
  `${stories} stories, ${isSparse ? years : hours} in ${(tookMs / 1_000).toFixed(1)} s (${(spentMs() / 1_000).toFixed(1)} s of the processor), digest ${digest.digest("hex").slice(0, 16)}`,
);
process.exit(failed ? 1 : 0);
