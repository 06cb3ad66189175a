/** The kinds of deeds, and how often each comes. */

import { FOLDER_ONLY } from "./disk.ts";
import type { KernelFault } from "./kernel-faults.ts";
import type { KeyChange } from "./key-ring.ts";
import type { Act, Deed, Random, Road } from "./story.ts";
import { CONFIGURATIONS, PEOPLE } from "./world.ts";

export const ROTATING = ["ssh", "web", "screen", "family"];
const ALL_DOORS = [...ROTATING, "legacy"];
export const PORTS = [22, 8443, 8444, 5900, 9000, 3389];
const SETS = ["grants", "fixed", "one", "idle", "cap", "uses", "shared", "revoked"];
export const DISK_ERRORS = ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY", FOLDER_ONLY];
const REFUSALS = ["no memory", "no memory", "a busy set"] as const;
const READ_FAULTS = ["an interrupted list", "a lost answer"] as const;
export const KEY_CHANGES: readonly KeyChange[] = ["remove", "return", "return", "replace"];
export const PROBATIONS = [10_000, 40_000, 180_000];
/** The last two take nearly the whole time of three knocks, and more than that. */
const FIXED_GAPS_MS = [1, 5, 40, 400, 400, 4_900, 5_100];
const CLOCK_STEPS = [-3_600_000, -90_000, -31_000, -5_000, 5_000, 31_000, 90_000, 86_400_000];

export function one<T>(random: Random, of: readonly T[]): T {
  return of[random(of.length)]!;
}

function road(random: Random): Road {
  const bad = random(4) === 0;
  return {
    lost: bad ? random(15) : 0,
    doubled: one(random, [0, 0, 10, 100]),
    reordered: one(random, [0, 25]),
    // The last two take nearly the whole window of ten ports, and more than that.
    gapMs: one(random, [0.1, 0.1, 5, 5, 40, 40, 400, 400, 1_050, 1_150]),
    seed: random(2 ** 31),
  };
}

export function reload(random: Random): Extract<Deed, { type: "reload" }> {
  return {
    type: "reload",
    number: random(3) === 0 ? 0 : random(CONFIGURATIONS),
    broken: random(8) === 0,
    yes: random(4) > 0,
    ...(random(3) === 0 && { armMs: one(random, PROBATIONS) }),
  };
}

/** Once, or for longer than anything is tried again. */
function kernelFault(random: Random, fault: KernelFault): Deed {
  return { type: "kernel fault", fault, times: one(random, [1, 1, 1, 9]) };
}

export const WAIT: Deed = { type: "wait" };

/** The kinds of deeds by how often they come. */
const DEEDS: readonly (readonly [weight: number, draw: (random: Random) => Deed])[] = [
  [
    40,
    (random) => ({
      type: "knock",
      person: random(PEOPLE.length),
      door: one(random, ROTATING),
      clockMs: one(random, [0, 0, 0, 0, -29_000, 29_000, -45_000, 45_000, -70_000, 70_000]),
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
      road: { ...road(random), reordered: 0, gapMs: one(random, FIXED_GAPS_MS) },
    }),
  ],
  [2, (random) => ({ type: "crowd", first: random(20), strangers: 1 + random(6) })],
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
  [6, reload],
  [
    4,
    (random) => ({
      type: "keys",
      person: random(PEOPLE.length),
      how: one(random, KEY_CHANGES),
      told: random(4) > 0,
      keepSessions: random(4) === 0,
    }),
  ],
  [1, (random) => ({ type: "keys file", state: one(random, ["broken", "empty", "gone"]) })],
  [2, (random) => ({ type: "arm", forMs: one(random, PROBATIONS) })],
  [2, (random) => ({ type: "confirm", force: random(2) === 0 })],
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
  [
    4,
    (random) => ({
      type: "empty",
      set: one(random, SETS),
      unheard: random(2) === 0,
      ...(random(2) === 0 && { single: random(8) }),
    }),
  ],
  [1, () => ({ type: "spoil" })],
  [3, (random) => kernelFault(random, one(random, REFUSALS))],
  [3, (random) => kernelFault(random, one(random, READ_FAULTS))],
  [2, (random) => ({ type: "late notices", forMs: random(60_000), seed: random(2 ** 31) })],
  [2, (random) => ({ type: "disk", code: one(random, DISK_ERRORS), forMs: random(120_000) })],
  [2, (random) => ({ type: "no processes", times: one(random, [1, 2, 5, 40]) })],
  [3, () => ({ type: "wait" })],
];

/**
 * How much oftener than usual a kind of deed comes in one story. Stories that lack some kinds and
 * have many of others reach states that no story of everything reaches.
 */
const OFTEN = [0, 0.3, 1, 1, 4];

type Draw = (random: Random) => Deed;

/** Draws deeds, each kind as often as this story likes it. */
export function drawer(random: Random): Draw {
  const kinds = DEEDS.map(([weight, make], i) => {
    // Where nobody knocks, nothing happens.
    const often = i === 0 ? 1 : one(random, OFTEN);
    return { weight: weight * often, make };
  });
  const all = kinds.reduce((sum, { weight }) => sum + weight, 0);
  return (own) => {
    let left = own(1_000_000) * (all / 1_000_000);
    for (const { weight, make } of kinds) {
      left -= weight;
      if (left < 0) return make(own);
    }
    return kinds[0]!.make(own);
  };
}

export const CLEAN: Omit<Road, "seed"> = { lost: 0, doubled: 0, reordered: 0, gapMs: 5 };

/** Any deed, as often as usual. */
export function anyDeed(random: Random): Deed {
  return one(random, DEEDS)[1](random);
}

/** After a moment that people and programs need, seldom longer than a slot. */
export function soon(random: Random, deed: Deed): Act {
  const afterMs =
    deed.type === "wait" ? 60_000 + random(240_000) : one(random, [1, 300, 2_000, 8_000, 20_000]);
  return { afterMs: afterMs + random(1_000) / 1_000, deed };
}

/** By the clock, at one of the doors with keys. */
export function knockBy(person: number, random: Random, way: Road): Deed {
  return { type: "knock", person, door: one(random, ROTATING), clockMs: 0, road: way };
}
