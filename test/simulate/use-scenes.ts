/** Deeds that belong together: a use is spent, and whoever remembers it forgets. */

import { anyDeed, CLEAN, DISK_ERRORS, knockBy, one, ROTATING, WAIT } from "./deeds.ts";
import type { Act, Deed, Random } from "./story.ts";
import { PEOPLE } from "./world.ts";

/** The daemon has mended what was done, and dies. */
const thenKilled = (deed: Deed): Act[] => [
  { afterMs: 300, deed },
  { afterMs: 2_000, deed: { type: "kill", border: 0, downMs: 50 } },
];

/** What hides a use from one of the three that remember it: memory, kernel and store. */
const FORGETTING: readonly ((random: Random) => readonly Act[])[] = [
  () => [],
  () => [{ afterMs: 6_000, deed: { type: "restart", downMs: 1_000, reboot: true } }],
  () => [{ afterMs: 300, deed: { type: "flush" } }],
  () => [{ afterMs: 300, deed: { type: "empty", set: "uses", unheard: true } }],
  (random) => [
    {
      afterMs: 6_000,
      deed: { type: "power cut", border: 0, downMs: 1_000, seed: random(2 ** 31) },
    },
  ],
  (random) =>
    thenKilled(one(random, [{ type: "flush" }, { type: "empty", set: "uses", unheard: false }])),
  () => thenKilled({ type: "empty", set: "uses", unheard: false }),
];

const refusingDisk = (random: Random): Deed => ({
  type: "disk",
  code: one(random, DISK_ERRORS),
  forMs: 20_000,
});

/** How a knock may be cut short: the kernel knows its use, and perhaps nobody else does. */
const CUTTING: readonly ((random: Random) => Deed)[] = [
  (random) => ({
    type: "kill",
    at: "the reply to a transaction",
    border: 0,
    downMs: one(random, [50, 1_000, 5_000]),
  }),
  (random) => ({
    type: "kill",
    at: "the arrival of a message",
    border: 0,
    downMs: one(random, [50, 1_000, 5_000]),
  }),
  (random) => ({
    type: "power cut",
    at: one(random, ["a write into uses.db", "the end of a write into uses.db"]),
    border: 0,
    downMs: 1_000,
    seed: random(2 ** 31),
  }),
  () => ({ type: "kernel fault", fault: "no reply", times: 1 }),
  () => ({ type: "wait" }),
  refusingDisk,
  refusingDisk,
];

/** A knock is cut short, something is forgotten, and the knock comes again. */
export function forgottenUse(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const knock = knockBy(person, random, clean);
  const own = random(3) === 0;
  return [
    { afterMs: one(random, [300, 8_000]), deed: one(random, CUTTING)(random) },
    { afterMs: 1, deed: knock },
    ...one(random, FORGETTING)(random),
    { afterMs: one(random, [2_000, 8_000]), deed: { type: "replay", back: 0, own, road: clean } },
  ];
}

/** A knock of a clock that is ahead is cut short, and comes again when it is nearly too late. */
export function longDeath(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const at = one(random, ["the reply to a transaction", "the arrival of a message"]);
  const knock = { ...knockBy(random(PEOPLE.length), random, clean), clockMs: 29_000 } as Deed;
  return [
    { afterMs: 6_000, deed: { type: "kill", at, border: 0, downMs: 61_000 } },
    { afterMs: 1, deed: knock },
    // The kernel may forget, too, once a daemon has learnt what it knew.
    { afterMs: 62_500, deed: clean.seed % 2 === 0 ? { type: "flush" } : WAIT },
    { afterMs: 500, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
  ];
}

/** The death of a daemon in its start, after one that may have taken a use with it. */
export function deathInStart(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const seed = random(2 ** 31);
  const border = random(24);
  const inStart: Deed =
    random(3) > 0
      ? { type: "kill", border, downMs: one(random, [50, 5_000]), next: true }
      : { type: "power cut", border, downMs: 1_000, seed, next: true };
  const knock: Deed =
    random(4) === 0
      ? { type: "fixed", person: random(PEOPLE.length), closing: false, road: clean }
      : knockBy(random(PEOPLE.length), random, clean);
  const cut: Deed = one(random, [
    { type: "power cut", at: "a write into uses.db", border: 0, downMs: 1_000, seed },
    { type: "kill", at: "the reply to a transaction", border: 0, downMs: 1_000 },
  ]);
  const end: Deed = one(random, [
    { type: "kill", border: 0, downMs: 1_000 },
    { type: "restart", downMs: 1_000, reboot: random(2) === 0 },
  ]);
  return [
    { afterMs: 6_000, deed: inStart },
    ...(random(2) === 0
      ? [
          { afterMs: 1, deed: cut },
          { afterMs: 1, deed: knock },
        ]
      : [
          { afterMs: 1, deed: knock },
          { afterMs: one(random, [300, 2_000]), deed: end },
        ]),
    ...(random(3) === 0 ? [{ afterMs: 1, deed: anyDeed(random) }] : []),
    {
      afterMs: one(random, [3_000, 8_000]),
      deed: { type: "replay", back: 0, own: random(2) === 0, road: clean },
    },
  ];
}

/** A machine without a clock of its own loses its power, and its clock is set after the start. */
export function wrongClock(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const seed = random(2 ** 31);
  const at = one(random, ["a write into uses.db", "the end of a write into uses.db"]);
  const restart: Deed = { type: "restart", downMs: 1_000, reboot: false };
  return [
    { afterMs: 6_000, deed: { type: "power cut", at, border: 0, downMs: 1_000, seed } },
    {
      afterMs: 1,
      deed: { type: "knock", person, door: one(random, ROTATING), clockMs: 0, road: clean },
    },
    { afterMs: 500, deed: { type: "clock", byMs: -3_600_000 } },
    // Perhaps nobody is there to see it.
    { afterMs: 3_700, deed: seed % 2 === 0 ? restart : WAIT },
    { afterMs: 300, deed: { type: "clock", byMs: 3_600_000 } },
    { afterMs: 3_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
  ];
}

/** Long after a loss, when everything is believed again, the clock goes back to before it. */
export function backBeforeLoss(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const seed = random(2 ** 31);
  return [
    {
      afterMs: 6_000,
      deed: { type: "knock", person, door: one(random, ROTATING), clockMs: 0, road: clean },
    },
    { afterMs: 11_000, deed: { type: "power cut", border: 0, downMs: 1_000, seed } },
    { afterMs: 130_000, deed: { type: "restart", downMs: 1_000, reboot: false } },
    { afterMs: 3_000, deed: { type: "clock", byMs: -140_000 } },
    { afterMs: 2_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
  ];
}
