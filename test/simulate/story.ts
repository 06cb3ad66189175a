/** What happens in a simulated story: drawn from its seed before it begins, so that parts can be left out. */

import type { KeyChange } from "./key-ring.ts";
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
  /** So many addresses that nobody knows knock the fixed sequence, from the `first` of them on. */
  | { readonly type: "crowd"; first: number; strangers: number }
  | { readonly type: "open"; person: number; door: string }
  /** A door is opened by hand to so many addresses, more than are listed or ended at once. */
  | { readonly type: "many"; door: string; strangers: number }
  | { readonly type: "close"; which: number }
  | { readonly type: "connect"; person: number; port: number; forMs: number }
  /** Somebody writes this configuration into the file, and has it read. */
  | { readonly type: "reload"; number: number; broken: boolean; yes: boolean; armMs?: number }
  /** Somebody changes the key of a person in keys.toml, and, if `told`, has it read. */
  | { readonly type: "keys"; person: number; how: KeyChange; told: boolean; keepSessions: boolean }
  | { readonly type: "arm"; forMs: number }
  | { readonly type: "confirm"; force: boolean }
  | { readonly type: "clock"; byMs: number }
  /**
   * The process dies at this border of its work, counted from now; `at`: only borders of this name count;
   * `next`: at a border of the next process, which may be in its start.
   */
  | { readonly type: "kill"; border: number; downMs: number; at?: string; next?: true }
  | {
      readonly type: "power cut";
      border: number;
      downMs: number;
      seed: number;
      at?: string;
      next?: true;
    }
  | { readonly type: "restart"; downMs: number; reboot: boolean }
  | { readonly type: "flush" }
  /** `unheard`: the kernel's notification is lost; `single`: only one element of each set goes. */
  | { readonly type: "empty"; set: string; unheard: boolean; single?: number }
  | { readonly type: "spoil" }
  | { readonly type: "kernel fault"; fault: "no memory" | "no reply" }
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
  /** Long silences lie between the acts; absent where there are none. */
  readonly sparse?: Sparse;
}

export interface Sparse {
  /** By the clock of the machine, in Unix milliseconds. */
  readonly beginMs: number;
  /** How long everything may take to end after the last act. */
  readonly restMs: number;
  /** The middle of each silence is passed over where nothing changes in it; see `Silence`. */
  readonly leaps: boolean;
}

export type Random = (below: number) => number;

export const ROTATING = ["ssh", "web", "screen", "family"];
const ALL_DOORS = [...ROTATING, "legacy"];
export const PORTS = [22, 8443, 8444, 5900, 9000, 3389];
const SETS = ["grants", "fixed", "one", "idle", "cap", "uses", "shared", "revoked"];
export const DISK_ERRORS = ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"];
const KEY_CHANGES: readonly KeyChange[] = ["remove", "return", "return", "replace"];
const PROBATIONS = [10_000, 40_000, 180_000];
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

function reload(random: Random): Extract<Deed, { type: "reload" }> {
  return {
    type: "reload",
    number: random(3) === 0 ? 0 : random(CONFIGURATIONS),
    broken: random(8) === 0,
    yes: random(4) > 0,
    ...(random(3) === 0 && { armMs: one(random, PROBATIONS) }),
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
  [3, () => ({ type: "kernel fault", fault: "no memory" })],
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

const WAIT: Deed = { type: "wait" };

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
  (random) => [
    {
      afterMs: 300,
      deed: one(random, [{ type: "flush" }, { type: "empty", set: "uses", unheard: false }]),
    },
    { afterMs: 2_000, deed: { type: "kill", border: 0, downMs: 50 } },
  ],
];

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
  () => ({ type: "kernel fault", fault: "no reply" }),
  () => ({ type: "wait" }),
  (random) => ({ type: "disk", code: one(random, DISK_ERRORS), forMs: 20_000 }),
];

/** By the clock, at one of the doors with keys. */
function knockBy(person: number, random: Random, way: Road): Deed {
  return { type: "knock", person, door: one(random, ROTATING), clockMs: 0, road: way };
}

/** A knock is cut short, something is forgotten, and the knock comes again. */
function forgottenUse(random: Random): Act[] {
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

/** Somebody begins a probation, something happens in it, and perhaps somebody confirms. */
function probation(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const forMs = one(random, PROBATIONS);
  const begin: Deed =
    random(2) === 0
      ? { type: "arm", forMs }
      : { type: "reload", number: random(CONFIGURATIONS), broken: false, yes: false, armMs: forMs };
  const cut: Deed = {
    type: "kill",
    at: one(random, [
      "a load of the guard",
      "the end of a load of the guard",
      "a reply of the data plane",
    ]),
    border: random(2),
    downMs: one(random, [50, 1_000, 40_000]),
  };
  const proof: Act[] = [
    { afterMs: 300, deed: { type: "knock", person: 0, door: "ssh", clockMs: 0, road: clean } },
    { afterMs: 300, deed: { type: "connect", person: 0, port: 22, forMs: 60_000 } },
    { afterMs: 300, deed: { type: "confirm", force: false } },
  ];
  return [
    ...(random(3) === 0 ? [{ afterMs: 6_000, deed: cut }] : []),
    { afterMs: 1, deed: begin },
    ...(random(3) === 0
      ? [{ afterMs: one(random, [1, 2_000, 30_000]), deed: anyDeed(random) }]
      : []),
    ...(random(2) === 0 ? proof : []),
  ];
}

/** The kernel refuses the guard of a new configuration. */
function refusedReload(random: Random): Act[] {
  const fault: Deed = { type: "kernel fault", fault: "no memory" };
  return [
    { afterMs: 6_000, deed: fault },
    { afterMs: 1, deed: { ...reload(random), broken: false, yes: true } },
    { afterMs: 3_000, deed: { type: "wait" } },
  ];
}

/** Somebody breaks the file, and the daemon starts with it. */
function brokenFile(random: Random): Act[] {
  const person = random(PEOPLE.length);
  const how = one(random, KEY_CHANGES);
  const keys: Deed = { type: "keys", person, how, told: true, keepSessions: false };
  return [
    { afterMs: 6_000, deed: reload(random) },
    ...(random(2) === 0 ? [{ afterMs: 2_000, deed: keys }] : []),
    { afterMs: 3_000, deed: { ...reload(random), broken: true } },
    { afterMs: 1_000, deed: { type: "kill", border: random(8), downMs: 1_000 } },
  ];
}

/** Another program takes one port of a grant, and nothing else happens until two audits later. */
function takenPort(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = 2 + random(2);
  const unheard = random(2) === 0;
  return [
    { afterMs: 6_000, deed: { type: "knock", person, door: "family", clockMs: 0, road: clean } },
    { afterMs: 3_000, deed: { type: "empty", set: "grants", unheard, single: random(8) } },
    { afterMs: 80_000, deed: { type: "wait" } },
  ];
}

/** The daemon dies while a grant is open that owes a close command; the grant is gone, and perhaps comes again. */
function orphan(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const knock: Deed =
    random(2) === 0
      ? { type: "fixed", person, closing: false, road: clean }
      : { type: "knock", person, door: one(random, ["web", "family"]), clockMs: 0, road: clean };
  return [
    { afterMs: 6_000, deed: knock },
    { afterMs: 2_000, deed: { type: "kill", border: 0, downMs: 1_000 } },
    { afterMs: 500, deed: { type: "flush" } },
    ...(random(2) === 0
      ? [{ afterMs: 1, deed: { type: "clock", byMs: one(random, [-3_600_000, -90_000]) } as const }]
      : [{ afterMs: 6_000, deed: knock }]),
    { afterMs: 90_000, deed: { type: "wait" } },
  ];
}

/** The disk refuses what happens at the end of a grant, then works again, and the daemon is restarted. */
function unsettled(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  return [
    {
      afterMs: 6_000,
      deed: { type: "fixed", person: random(PEOPLE.length), closing: false, road: clean },
    },
    { afterMs: 30_000, deed: { type: "disk", code: one(random, DISK_ERRORS), forMs: 20_000 } },
    { afterMs: 90_000, deed: { type: "restart", downMs: 1_000, reboot: random(2) === 0 } },
    { afterMs: 6_000, deed: { type: "wait" } },
  ];
}

/** A machine without a clock of its own loses its power, and its clock is set after the start. */
function wrongClock(random: Random): Act[] {
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
function backBeforeLoss(random: Random): Act[] {
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

/** A key is removed while its knock is on its way, and knocks again. */
function removedKey(random: Random): Act[] {
  const slow = { ...CLEAN, gapMs: 40, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const knock = knockBy(person, random, slow);
  const change = (how: KeyChange, told: boolean) =>
    ({ type: "keys", person, how, told, keepSessions: random(4) === 0 }) as const;
  const probationMs = one(random, PROBATIONS);
  const armed = { ...reload(random), broken: false, armMs: probationMs };
  const back: Act[] = [
    { afterMs: 1, deed: armed },
    { afterMs: probationMs + 2_000, deed: { type: "wait" } },
  ];
  const isLate = random(3) === 0;
  return [
    { afterMs: 6_000, deed: knock },
    { afterMs: 300 + random(150), deed: change(one(random, ["remove", "replace"]), !isLate) },
    ...(isLate ? back : []),
    { afterMs: one(random, [2_000, 12_000, 31_000]), deed: knock },
    { afterMs: 2_000, deed: change("return", true) },
  ];
}

/** Sessions outlive their grants; then their key goes, or somebody closes what others hold, too. */
function outlived(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const [door, port] = one(random, [
    ["ssh", 22],
    ["family", 9000],
    ["family", 22],
    ["web", 8443],
  ] as const);
  const knock: Deed = { type: "knock", person, door, clockMs: 0, road: clean };
  const connect: Deed = { type: "connect", person, port, forMs: 140_000 };
  const how = one(random, ["remove", "replace"] as const);
  const end: Deed = one(random, [
    { type: "keys", person, how, told: true, keepSessions: false },
    { type: "keys", person, how, told: true, keepSessions: false },
    { type: "close", which: random(3) },
  ]);
  return [
    { afterMs: 6_000, deed: knock },
    { afterMs: 300, deed: connect },
    ...(random(2) === 0
      ? [{ afterMs: 300, deed: { ...knock, person: random(PEOPLE.length) } }]
      : []),
    { afterMs: one(random, [2_000, 40_000, 100_000]), deed: end },
    {
      afterMs: 2_000,
      deed: { type: "keys", person, how: "return", told: true, keepSessions: true },
    },
  ];
}

/** Two hold a door at one address, or one of its ports; something happens to one of them. */
function neighbours(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const [people, doors, port] = one(random, [
    [[0, 1], ["screen", "screen"], 5900],
    [[0, 1], ["ssh", "ssh"], 22],
    [[1, 0], ["web", "web"], 8444],
    [[2, 3], ["family", "family"], 9000],
    [[2, 2], ["ssh", "family"], 22],
  ] as const);
  const knock = (i: 0 | 1): Deed => {
    return { type: "knock", person: people[i], door: doors[i], clockMs: 0, road: clean };
  };
  const connect: Deed = { type: "connect", person: people[0], port, forMs: 40_000 };
  const misfortune: Deed = one(random, [
    connect,
    connect,
    { type: "close", which: random(3) },
    { type: "open", person: people[1], door: doors[1] },
    { type: "kill", border: random(8), downMs: one(random, [50, 1_000, 12_000]) },
    { type: "keys", person: people[random(2)]!, how: "remove", told: true, keepSessions: true },
  ]);
  return [
    { afterMs: 6_000, deed: knock(0) },
    { afterMs: one(random, [300, 8_000]), deed: knock(1) },
    ...(random(2) === 0 ? [{ afterMs: 300, deed: anyDeed(random) }] : []),
    { afterMs: one(random, [1_000, 11_000]), deed: misfortune },
    { afterMs: one(random, [1_000, 11_000]), deed: random(2) === 0 ? connect : WAIT },
    { afterMs: 12_000, deed: WAIT },
  ];
}

/** A reload gives a door other terms, and whoever holds it knocks again, by a slot that is used then. */
function otherTerms(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const [person, door, number] = one(random, [
    [0, "ssh", 7],
    [4, "ssh", 7],
    [3, "screen", 6],
    [2, "web", 8],
    [2, "family", 4],
    [2, "web", 2],
    [0, "ssh", 2],
    [0, "ssh", 3],
    [0, "ssh", 11],
    [3, "web", 12],
    [0, "legacy", 13],
  ] as const);
  const knock = (clockMs: number): Deed => ({ type: "knock", person, door, clockMs, road: clean });
  const turn = (to: number): Act => {
    return { afterMs: 6_000, deed: { type: "reload", number: to, broken: false, yes: true } };
  };
  const restart: Deed = { type: "restart", downMs: 1_000, reboot: true };
  const [before, after] = random(2) === 0 ? [0, number] : [number, 0];
  const at = "the reply to a transaction";
  const kill: Deed = { type: "kill", at, border: 0, downMs: 1_000 };
  return [
    turn(before),
    { afterMs: 2_000, deed: knock(0) },
    turn(after),
    // Between the new terms and the end of the old ones.
    { afterMs: 900, deed: clean.seed % 3 === 0 ? kill : WAIT },
    { afterMs: 100, deed: knock(29_000) },
    ...(random(2) === 0 ? [{ afterMs: 6_000, deed: restart }] : []),
    { afterMs: 6_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
    { afterMs: 12_000, deed: WAIT },
  ];
}

/** A close command finds no process until its door is open again, and the daemon is killed. */
function lateClose(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const knock: Deed = { type: "fixed", person: random(PEOPLE.length), closing: false, road: clean };
  const times = 20 + random(20);
  const border = random(4);
  const kill: Deed = { type: "kill", border, downMs: 1_000 };
  // Before it can record the opening.
  const unrecorded: Deed = { ...kill, border: 0, at: "the arrival of a message" };
  return [
    { afterMs: 6_000, deed: knock },
    { afterMs: 20_000, deed: { type: "no processes", times } },
    { afterMs: 21_000, deed: border > 1 ? unrecorded : WAIT },
    { afterMs: 1, deed: knock },
    ...(border > 1 ? [] : [{ afterMs: 2_000, deed: kill }]),
    { afterMs: 60_000, deed: WAIT },
  ];
}

/** Forged knocks fill the fixed door again and again, while its close commands find no process. */
function forgedCrowd(random: Random): Act[] {
  const crowd = (first: number): Act => {
    return { afterMs: 41_000, deed: { type: "crowd", first, strangers: 4 + random(4) } };
  };
  return [
    { afterMs: 6_000, deed: { type: "no processes", times: one(random, [1, 400, 400]) } },
    ...[0, 8, 16, 24].map(crowd),
    { afterMs: 60_000, deed: WAIT },
  ];
}

/** More grants than are listed, told or put back at once. */
function many(random: Random): Act[] {
  const door = one(random, ["web", "family"]);
  const misfortune: Deed = one(random, [
    { type: "kill", border: 0, downMs: 1_000 },
    { type: "flush" },
    { type: "close", which: random(140) },
    { type: "empty", set: one(random, ["grants", "idle"]), unheard: true },
  ]);
  return [
    { afterMs: 6_000, deed: { type: "many", door, strangers: 140 } },
    { afterMs: 6_000, deed: misfortune },
    { afterMs: 6_000, deed: { type: "close", which: random(140) } },
    { afterMs: 90_000, deed: WAIT },
  ];
}

/** The death of a daemon in its start, after one that may have taken a use with it. */
function deathInStart(random: Random): Act[] {
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

/** A knock of a clock that is ahead is cut short, and comes again when it is nearly too late. */
function longDeath(random: Random): Act[] {
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

/** Any deed, as often as usual. */
function anyDeed(random: Random): Deed {
  return one(random, DEEDS)[1](random);
}

export type Scene = (random: Random) => Act[];

export const SCENES: readonly Scene[] = [
  forgottenUse,
  forgottenUse,
  probation,
  probation,
  removedKey,
  removedKey,
  refusedReload,
  brokenFile,
  takenPort,
  orphan,
  unsettled,
  wrongClock,
  backBeforeLoss,
  deathInStart,
  deathInStart,
  outlived,
  neighbours,
  neighbours,
  otherTerms,
  lateClose,
  forgedCrowd,
  longDeath,
  many,
];

/** Of so many turns of a story one is a scene. */
const SCENE_EVERY = 8;

/** After a moment that people and programs need, seldom longer than a slot. */
export function soon(random: Random, deed: Deed): Act {
  const afterMs =
    deed.type === "wait" ? 60_000 + random(240_000) : one(random, [1, 300, 2_000, 8_000, 20_000]);
  return { afterMs: afterMs + random(1_000) / 1_000, deed };
}

export function makeStory(seed: number, length: number, random: Random): Story {
  const setSize = random(4) > 0 ? 65_536 : 1 + random(8);
  const movesEnds = random(2) === 0;
  const draw = drawer(random);
  const acts: Act[] = [];
  while (acts.length < length) {
    if (random(SCENE_EVERY) === 0) acts.push(...one(random, SCENES)(random));
    acts.push(soon(random, draw(random)));
  }
  return { seed, setSize, movesEnds, acts };
}
