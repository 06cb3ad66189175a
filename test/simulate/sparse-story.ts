/** Stories of years: short episodes as in dense stories, and long silences between them. */

import { PEOPLE, LONG_CONFIGURATIONS } from "./world.ts";
import { CLEAN, DISK_ERRORS, drawer, one, PORTS, ROTATING, soon } from "./deeds.ts";
import { type Scene, SCENES } from "./scenes.ts";
import type { Act, Deed, Random, Road, Story } from "./story.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365.2425 * DAY_MS;

/** Days at whose end something in a calendar or a counter turns, and some days before. */
const BEGINNINGS = [
  "2027-01-15T08:00:00Z",
  "2028-02-20T00:00:00Z",
  "2031-12-30T00:00:00Z",
  // 2^31 seconds, and 2^32.
  "2038-01-10T00:00:00Z",
  "2106-02-01T00:00:00Z",
  // No leap year.
  "2100-02-27T00:00:00Z",
  // A board without a clock.
  "1970-01-01T00:01:00Z",
].map((text) => Date.parse(text));

/** Times of packets are kept modulo this. */
const TICKS_MS = 2 ** 32;

/** From the present to a board's first day: the clock of one that has none of its own. */
const TO_1970_MS = -1_790_000_000_000;

/** Grants may live for thirty days, and what they owe as long again after a restart. */
const REST_MS = 65 * DAY_MS;

const YEARS = [0.2, 1, 1, 1, 2, 5];
const EPISODES_A_YEAR = [6, 15, 15, 40];
const MOST_EPISODES = 60;

/** Lengths of silences by their mean. */
const LENGTHS = [0.02, 0.3, 1, 1, 2.2];

/** Of so many episodes one has a scene that takes long, and one a scene of dense stories. */
const LONG_SCENE_EVERY = 4;
const SCENE_EVERY = 4;

function after(afterMs: number, deed: Deed): Act {
  return { afterMs, deed };
}

const WAIT: Deed = { type: "wait" };

function clean(random: Random): Road {
  return { ...CLEAN, seed: random(2 ** 31) };
}

function knockOf(random: Random, road = clean(random)): Deed {
  const person = random(PEOPLE.length);
  return { type: "knock", person, door: one(random, ROTATING), clockMs: 0, road };
}

function opening(random: Random, door: string): Deed {
  const person = random(PEOPLE.length);
  return door === "legacy"
    ? { type: "fixed", person, closing: false, road: clean(random) }
    : { type: "knock", person, door, clockMs: 0, road: clean(random) };
}

function anyOpening(random: Random): Deed {
  return opening(random, one(random, [...ROTATING, "legacy"]));
}

function replay(random: Random): Deed {
  return { type: "replay", back: random(2), own: random(2) === 0, road: clean(random) };
}

function powerCut(random: Random, downMs: number): Deed {
  return { type: "power cut", border: random(8), downMs, seed: random(2 ** 31) };
}

/** Something happens to grants that live for weeks. */
const MISFORTUNES: readonly ((random: Random) => Deed)[] = [
  () => WAIT,
  (random) => ({ type: "restart", downMs: one(random, [1_000, DAY_MS]), reboot: random(3) === 0 }),
  (random) => ({ type: "kill", border: random(8), downMs: one(random, [1_000, 10 * DAY_MS]) }),
  () => ({ type: "flush" }),
  () => ({ type: "empty", set: "grants", unheard: true }),
  (random) => ({ type: "close", which: random(8) }),
  (random) => ({ type: "clock", byMs: one(random, [-1, 1]) * (1 + random(40)) * DAY_MS }),
  (random) => powerCut(random, one(random, [1_000, 10 * DAY_MS])),
  (random) => ({ type: "reload", number: random(8), broken: false, yes: true }),
  (random) => ({
    type: "keys",
    person: random(PEOPLE.length),
    how: one(random, ["remove", "replace"]),
    told: true,
    keepSessions: random(2) === 0,
  }),
];

/** Doors open for weeks. */
function longGrant(random: Random): Act[] {
  const { number, doors } = one(random, LONG_CONFIGURATIONS);
  const somebody = () => after(one(random, [2_000, DAY_MS]), opening(random, one(random, doors)));
  const person = random(PEOPLE.length);
  const talk: Deed = { type: "connect", person, port: one(random, PORTS), forMs: 2 * HOUR_MS };
  return [
    after(6_000, { type: "reload", number, broken: false, yes: true }),
    ...Array.from({ length: 2 + random(4) }, somebody),
    ...(random(2) === 0 ? [after(2_000, talk)] : []),
    after((1 + random(24)) * DAY_MS, one(random, MISFORTUNES)(random)),
    ...(random(2) === 0 ? [after((1 + random(9)) * DAY_MS, one(random, MISFORTUNES)(random))] : []),
    ...(random(2) === 0 ? [somebody()] : []),
  ];
}

/** Whoever reloaded has the whole day to confirm. */
function longProbation(random: Random): Act[] {
  const forMs = one(random, [HOUR_MS, DAY_MS]);
  const downMs = one(random, [1_000, forMs / 2, 2 * DAY_MS]);
  return [
    after(6_000, { type: "arm", forMs }),
    ...(random(2) === 0
      ? [after(forMs / 4, { type: "restart", downMs, reboot: random(2) === 0 } as const)]
      : []),
    ...(random(2) === 0 ? [after(forMs / 4, { type: "confirm", force: true } as const)] : []),
    after(forMs, anyOpening(random)),
  ];
}

/** Nobody needs the machine for months. */
function longOff(random: Random): Act[] {
  const downMs = (1 + random(200)) * DAY_MS;
  const off: Deed =
    random(2) === 0 ? powerCut(random, downMs) : { type: "restart", downMs, reboot: true };
  return [
    after(6_000, anyOpening(random)),
    after(2_000, off),
    after(downMs + one(random, [10_000, 150_000]), anyOpening(random)),
    after(2_000, replay(random)),
  ];
}

/** A board without a clock is off for a while, starts in 1970, and is told the time later. */
function board(random: Random): Act[] {
  const offMs = one(random, [MINUTE_MS, 30 * DAY_MS]);
  const lateMs = one(random, [3_000, 30_000, 10 * MINUTE_MS, DAY_MS]);
  return [
    after(6_000, anyOpening(random)),
    after(8_000, powerCut(random, offMs + 10_000)),
    after(offMs, { type: "clock", byMs: TO_1970_MS }),
    ...(random(2) === 0 ? [after(11_000, anyOpening(random))] : []),
    after(lateMs + 10_000, { type: "clock", byMs: -TO_1970_MS }),
    after(one(random, [2_000, 150_000]), random(2) === 0 ? replay(random) : anyOpening(random)),
  ];
}

/** Somebody sets the clock wrong by days or years, and mostly somebody sets it right again. */
function wrongDate(random: Random): Act[] {
  const byMs = one(random, [-1, 1]) * (1 + random(one(random, [3, 400]))) * DAY_MS;
  return [
    after(6_000, { type: "clock", byMs }),
    ...(random(2) === 0 ? [after(MINUTE_MS, anyOpening(random))] : []),
    ...(random(4) > 0
      ? [after(one(random, [MINUTE_MS, DAY_MS]), { type: "clock", byMs: -byMs } as const)]
      : []),
    after(150_000, anyOpening(random)),
  ];
}

/** The disk is full until somebody comes. */
function fullDisk(random: Random): Act[] {
  const forMs = (1 + random(72)) * HOUR_MS;
  return [
    after(6_000, { type: "disk", code: one(random, DISK_ERRORS), forMs }),
    after(MINUTE_MS, anyOpening(random)),
    ...(random(2) === 0 ? [after(forMs / 2, one(random, MISFORTUNES)(random))] : []),
    after(forMs, anyOpening(random)),
  ];
}

/** A device is away until the times of its last packets come round again. */
function away(random: Random): Act[] {
  const lossy = { ...clean(random), lost: 40 };
  const knock = knockOf(random, lossy);
  return [
    after(6_000, knock),
    after(TICKS_MS + random(20_000) - 10_000, { ...knock, road: clean(random) } as Deed),
    after(2_000, replay(random)),
  ];
}

/** A full disk costs most to play: it is tried again every few seconds. */
const LONG_SCENES: readonly Scene[] = [
  ...[longGrant, longGrant, longGrant, longGrant],
  ...[longProbation, longProbation, longOff, longOff, board, board],
  ...[wrongDate, wrongDate, away, away, fullDisk],
];

function episode(random: Random, draw: (random: Random) => Deed): Act[] {
  if (random(LONG_SCENE_EVERY) === 0) return one(random, LONG_SCENES)(random);
  if (random(SCENE_EVERY) === 0) return one(random, SCENES)(random);
  return Array.from({ length: 1 + random(5) }, () => soon(random, draw(random)));
}

/** `leaps`: the middle of each silence is passed over where nothing changes in it. */
export function makeSparseStory(seed: number, leaps: boolean, random: Random): Story {
  const setSize = random(5) > 0 ? 65_536 : 1 + random(8);
  const movesEnds = random(2) === 0;
  const draw = drawer(random);
  const allMs = one(random, YEARS) * YEAR_MS;
  const meanMs = Math.max(YEAR_MS / one(random, EPISODES_A_YEAR), allMs / MOST_EPISODES);
  const acts: Act[] = [];
  for (let ms = 0; ms < allMs;) {
    const silenceMs = one(random, LENGTHS) * meanMs * (0.5 + random(1_000) / 1_000);
    const [first, ...rest] = episode(random, draw);
    acts.push({ ...first!, afterMs: first!.afterMs + silenceMs }, ...rest);
    ms += silenceMs + [first!, ...rest].reduce((sum, { afterMs }) => sum + afterMs, 0);
  }
  const sparse = { beginMs: one(random, BEGINNINGS), restMs: REST_MS, leaps };
  return { seed, setSize, movesEnds, acts, sparse };
}
