/** What happens in a simulated story: drawn from its seed before it begins, so that parts can be left out. */

import { CONFIGURATIONS, PEOPLE } from "./world.ts";

/** How the network treats a knock. */
export interface Road {
  /** Percent of packets. */
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Between two packets, in milliseconds. */
  readonly gapMs: number;
  /** For the dice of this knock alone. */
  readonly seed: number;
}

export type Deed =
  | { readonly type: "knock"; person: number; door: string; clockMs: number; road: Road }
  /** One of the last knocks again: `back` from the last, 0 for the last. */
  | { readonly type: "replay"; back: number; own: boolean; road: Road }
  | { readonly type: "fixed"; person: number; closing: boolean; road: Road }
  | { readonly type: "open"; person: number; door: string }
  | { readonly type: "close"; which: number }
  | { readonly type: "connect"; person: number; port: number; forMs: number }
  | { readonly type: "reload"; number: number }
  | { readonly type: "clock"; byMs: number }
  /** The process dies at this border of its work, counted from now. */
  | { readonly type: "kill"; border: number; downMs: number }
  | { readonly type: "power cut"; border: number; downMs: number; seed: number }
  | { readonly type: "restart"; downMs: number; reboot: boolean }
  | { readonly type: "flush" }
  /** `unheard`: the kernel's notification is lost. */
  | { readonly type: "empty"; set: string; unheard: boolean }
  | { readonly type: "spoil" }
  | { readonly type: "kernel fault"; fault: "no memory" | "no reply"; skip: number }
  | { readonly type: "disk"; code: string; forMs: number }
  | { readonly type: "no processes"; times: number }
  | { readonly type: "wait" };

export interface Act {
  readonly afterMs: number;
  readonly deed: Deed;
}

export interface Story {
  readonly seed: number;
  readonly setSize: number;
  readonly movesEnds: boolean;
  readonly acts: readonly Act[];
}

type Random = (below: number) => number;

const ROTATING = ["ssh", "web", "screen", "family"];
const ALL_DOORS = [...ROTATING, "legacy"];
const PORTS = [22, 8443, 8444, 5900, 9000, 3389];
const SETS = ["grants", "fixed", "one", "idle", "cap", "uses", "shared", "revoked"];
const DISK_ERRORS = ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"];
const CLOCK_STEPS = [-3_600_000, -90_000, -31_000, -5_000, 5_000, 31_000, 90_000, 86_400_000];

function one<T>(random: Random, of: readonly T[]): T {
  return of[random(of.length)]!;
}

function road(random: Random): Road {
  const bad = random(4) === 0;
  return {
    lost: bad ? random(15) : 0,
    doubled: one(random, [0, 0, 10, 100]),
    reordered: one(random, [0, 25]),
    gapMs: one(random, [0.1, 5, 40, 400]),
    seed: random(2 ** 31),
  };
}

/** The kinds of deeds by how often they come. */
const DEEDS: readonly (readonly [weight: number, draw: (random: Random) => Deed])[] = [
  [
    40,
    (random) => ({
      type: "knock",
      person: random(PEOPLE.length),
      door: one(random, ROTATING),
      clockMs: one(random, [0, 0, 0, -29_000, 29_000, -70_000, 70_000]),
      road: road(random),
    }),
  ],
  [
    14,
    (random) => ({
      type: "replay",
      back: random(4),
      own: random(2) === 0,
      road: { ...road(random), lost: 0 },
    }),
  ],
  [
    8,
    (random) => ({
      type: "fixed",
      person: random(PEOPLE.length),
      closing: random(4) === 0,
      road: { ...road(random), reordered: 0 },
    }),
  ],
  [4, (random) => ({ type: "open", person: random(PEOPLE.length), door: one(random, ALL_DOORS) })],
  [5, (random) => ({ type: "close", which: random(8) })],
  [
    12,
    (random) => ({
      type: "connect",
      person: random(PEOPLE.length),
      port: one(random, PORTS),
      forMs: random(150_000),
    }),
  ],
  [5, (random) => ({ type: "reload", number: random(3) === 0 ? 0 : random(CONFIGURATIONS) })],
  [3, (random) => ({ type: "clock", byMs: one(random, CLOCK_STEPS) })],
  [6, (random) => ({ type: "kill", border: random(60), downMs: one(random, [50, 1_000, 40_000]) })],
  [
    4,
    (random) => ({
      type: "power cut",
      border: random(60),
      downMs: one(random, [5_000, 60_000]),
      seed: random(2 ** 31),
    }),
  ],
  [2, (random) => ({ type: "restart", downMs: 1_000, reboot: random(2) === 0 })],
  [3, () => ({ type: "flush" })],
  [3, (random) => ({ type: "empty", set: one(random, SETS), unheard: random(2) === 0 })],
  [1, () => ({ type: "spoil" })],
  [3, (random) => ({ type: "kernel fault", fault: "no memory", skip: random(3) })],
  [2, (random) => ({ type: "disk", code: one(random, DISK_ERRORS), forMs: random(120_000) })],
  [2, (random) => ({ type: "no processes", times: 1 + random(5) })],
  [3, () => ({ type: "wait" })],
];

const WEIGHTS = DEEDS.reduce((sum, [weight]) => sum + weight, 0);

function draw(random: Random): Deed {
  let left = random(WEIGHTS);
  for (const [weight, make] of DEEDS) {
    left -= weight;
    if (left < 0) return make(random);
  }
  throw new Error("the weights do not add up");
}

export function makeStory(seed: number, length: number, random: Random): Story {
  const setSize = one(random, [65_536, 65_536, 65_536, 40]);
  const movesEnds = random(2) === 0;
  const acts = Array.from({ length }, (): Act => {
    const deed = draw(random);
    const afterMs =
      deed.type === "wait" ? 60_000 + random(240_000) : one(random, [1, 300, 2_000, 8_000, 20_000]);
    return { afterMs: afterMs + random(1_000) / 1_000, deed };
  });
  return { seed, setSize, movesEnds, acts };
}
