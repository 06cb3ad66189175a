/** Deeds that belong together: the configuration or the keys change while something else happens. */

import { anyDeed, CLEAN, KEY_CHANGES, knockBy, one, PROBATIONS, reload } from "./deeds.ts";
import type { KeyChange } from "./key-ring.ts";
import type { Act, Deed, Random } from "./story.ts";
import { CONFIGURATIONS, PEOPLE } from "./world.ts";

/** Somebody begins a probation, something happens in it, and perhaps somebody confirms. */
export function probation(random: Random): Act[] {
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
export function refusedReload(random: Random): Act[] {
  const fault: Deed = { type: "kernel fault", fault: "no memory", times: 1 };
  return [
    { afterMs: 6_000, deed: fault },
    { afterMs: 1, deed: { ...reload(random), broken: false, yes: true } },
    { afterMs: 3_000, deed: { type: "wait" } },
  ];
}

/** Somebody breaks the file, and the daemon starts with it. */
export function brokenFile(random: Random): Act[] {
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

/** A key is removed while its knock is on its way, and knocks again. */
export function removedKey(random: Random): Act[] {
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
