/** Deeds that belong together: states that deeds drawn one by one seldom reach. */

import {
  anyDeed,
  CLEAN,
  DISK_ERRORS,
  KEY_CHANGES,
  knockBy,
  one,
  PROBATIONS,
  reload,
  ROTATING,
} from "./deeds.ts";
import type { KeyChange } from "./key-ring.ts";
import {
  refusedClose,
  refusedClosing,
  refusedEnd,
  slowSpend,
  spoiltKeys,
  unheardKnock,
  unnotedWait,
} from "./refusal-scenes.ts";
import type { Act, Deed, Random } from "./story.ts";
import { CONFIGURATIONS, PEOPLE } from "./world.ts";

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
  () => ({ type: "kernel fault", fault: "no reply", times: 1 }),
  () => ({ type: "wait" }),
  (random) => ({ type: "disk", code: one(random, DISK_ERRORS), forMs: 20_000 }),
];

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
  const fault: Deed = { type: "kernel fault", fault: "no memory", times: 1 };
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
  refusedEnd,
  refusedEnd,
  spoiltKeys,
  unheardKnock,
  unnotedWait,
  unnotedWait,
  refusedClose,
  refusedClosing,
  slowSpend,
];
