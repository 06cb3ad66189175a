/** Deeds that belong together: living grants are shared, outlived, taken, too many, or given by other terms. */

import { anyDeed, CLEAN, one, WAIT } from "./deeds.ts";
import type { Act, Deed, Random } from "./story.ts";
import { PEOPLE } from "./world.ts";

/** Another program takes one port of a grant, and nothing else happens until two audits later. */
export function takenPort(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = 2 + random(2);
  const unheard = random(2) === 0;
  return [
    { afterMs: 6_000, deed: { type: "knock", person, door: "family", clockMs: 0, road: clean } },
    { afterMs: 3_000, deed: { type: "empty", set: "grants", unheard, single: random(8) } },
    { afterMs: 80_000, deed: { type: "wait" } },
  ];
}

/** Sessions outlive their grants; then their key goes, or somebody closes what others hold, too. */
export function outlived(random: Random): Act[] {
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
export function neighbours(random: Random): Act[] {
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
export function otherTerms(random: Random): Act[] {
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

/** More grants than are listed, told or put back at once. */
export function many(random: Random): Act[] {
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
