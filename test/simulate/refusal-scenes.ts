/** Deeds that belong together: the disk or the kernel refuses at the moment that matters. */

import { CLEAN, DISK_ERRORS, KEY_CHANGES, knockBy, one, reload, WAIT } from "./deeds.ts";
import type { Act, Deed, Random } from "./story.ts";
import { CONFIGURATIONS, PEOPLE } from "./world.ts";

const REFUSED = ["no memory", "a busy set", "a lost answer", "an interrupted list"] as const;

/** A daemon ends, one way or the other. */
function ending(random: Random): Deed {
  return one(random, [
    { type: "kill", border: random(8), downMs: 1_000 },
    { type: "restart", downMs: 1_000, reboot: random(2) === 0 },
    { type: "power cut", border: random(8), downMs: 1_000, seed: random(2 ** 31) },
  ]);
}

/** A probation ends while the disk takes no record of that. */
export function refusedEnd(random: Random): Act[] {
  const forMs = 10_000;
  const begin: Deed =
    random(3) === 0
      ? { type: "arm", forMs }
      : { type: "reload", number: random(CONFIGURATIONS), broken: false, yes: false, armMs: forMs };
  const disk: Deed = {
    type: "disk",
    code: one(random, DISK_ERRORS),
    forMs: 5_000 + random(40_000),
  };
  const confirmed: Act[] = [{ afterMs: 1_000, deed: { type: "confirm", force: true } }];
  return [
    { afterMs: 6_000, deed: begin },
    { afterMs: 2_000, deed: disk },
    ...(random(2) === 0 ? confirmed : []),
    { afterMs: one(random, [300, 12_000]), deed: random(3) === 0 ? reload(random) : WAIT },
    { afterMs: one(random, [6_000, 40_000, 70_000]), deed: ending(random) },
    { afterMs: 6_000, deed: WAIT },
  ];
}

/** Somebody spoils keys.toml, perhaps after a change of the keys, and the daemon starts with it. */
export function spoiltKeys(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const how = one(random, KEY_CHANGES);
  const state = one(random, ["broken", "empty", "gone"] as const);
  const knock = knockBy(person, random, clean);
  return [
    ...(random(2) === 0
      ? [
          {
            afterMs: 6_000,
            deed: { type: "keys", person, how, told: true, keepSessions: false } as const,
          },
        ]
      : []),
    { afterMs: 6_000, deed: { type: "keys file", state } },
    { afterMs: 1_000, deed: random(3) === 0 ? reload(random) : ending(random) },
    { afterMs: 6_000, deed: knock },
    {
      afterMs: 6_000,
      deed: { type: "keys", person, how: "return", told: true, keepSessions: true },
    },
  ];
}

/** The kernel does what a knock asks for, and neither says so nor answers afterwards. */
export function unheardKnock(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const knock = knockBy(random(PEOPLE.length), random, clean);
  const reboot: Deed = { type: "restart", downMs: 1_000, reboot: true };
  const forgetting: Deed = one(random, [WAIT, { type: "flush" }, reboot, reboot, ending(random)]);
  return [
    { afterMs: 6_000, deed: { type: "kernel fault", fault: "a lost answer", times: 9 } },
    { afterMs: 1, deed: { type: "kernel fault", fault: "no reply", times: 1 } },
    { afterMs: 1, deed: knock },
    { afterMs: one(random, [300, 6_000]), deed: forgetting },
    { afterMs: 6_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
    { afterMs: 6_000, deed: WAIT },
  ];
}

/** A use is lost, and the disk takes no note of the wait that follows. */
export function unnotedWait(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const knock = knockBy(random(PEOPLE.length), random, clean);
  const code = one(random, DISK_ERRORS);
  const seed = random(2 ** 31);
  const restart = (reboot: boolean): Deed => ({ type: "restart", downMs: 1_000, reboot });
  const loss: Act[] = one(random, [
    [{ afterMs: 300, deed: { type: "power cut", border: 0, downMs: 1_000, seed } }],
    [{ afterMs: 300, deed: restart(true) }],
    [
      { afterMs: 300, deed: restart(false) },
      { afterMs: 500, deed: { type: "flush" } },
    ],
  ]);
  const inStart: Deed = { type: "kill", border: random(24), downMs: 50, next: true };
  return [
    { afterMs: 6_000, deed: { type: "disk", code, forMs: one(random, [8_000, 14_000, 60_000]) } },
    { afterMs: 300, deed: knock },
    ...(random(2) === 0 ? [{ afterMs: 1, deed: inStart }] : []),
    ...loss,
    { afterMs: one(random, [2_000, 8_000]), deed: ending(random) },
    { afterMs: 4_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
    { afterMs: 6_000, deed: WAIT },
  ];
}

/** The disk keeps the marker of a clean stop, and what came after it is known to the kernel alone, which forgets it. */
export function keptMarker(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const code = one(random, DISK_ERRORS);
  return [
    { afterMs: 6_000, deed: { type: "restart", downMs: 1_000, reboot: random(2) === 0 } },
    { afterMs: 500, deed: { type: "disk", code, forMs: 60_000 } },
    { afterMs: 3_000, deed: knockBy(random(PEOPLE.length), random, clean) },
    { afterMs: 300, deed: { type: "kill", border: 0, downMs: 1_000 } },
    { afterMs: 500, deed: { type: "flush" } },
    { afterMs: 3_000, deed: { type: "replay", back: 0, own: random(2) === 0, road: clean } },
    { afterMs: 6_000, deed: WAIT },
  ];
}

/** Somebody closes the fixed door by its sequence, and the kernel refuses. */
export function refusedClosing(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const person = random(PEOPLE.length);
  const knock = (closing: boolean): Deed => ({ type: "fixed", person, closing, road: clean });
  const fault = one(random, REFUSED);
  return [
    { afterMs: 6_000, deed: knock(false) },
    { afterMs: 11_500, deed: { type: "kernel fault", fault, times: one(random, [4, 9]) } },
    { afterMs: 1, deed: knock(true) },
    { afterMs: 6_000, deed: WAIT },
  ];
}

/** A connection spends a grant that two have at one address, and the kernel is slow about it. */
export function slowSpend(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const knock = (person: number): Deed => {
    return { type: "knock", person, door: "screen", clockMs: 0, road: clean };
  };
  const fault = one(random, REFUSED);
  return [
    { afterMs: 6_000, deed: { type: "reload", number: 0, broken: false, yes: true } },
    { afterMs: 2_000, deed: knock(0) },
    { afterMs: 300, deed: knock(1) },
    { afterMs: 3_000, deed: { type: "kernel fault", fault, times: 4 + random(3) } },
    { afterMs: 1, deed: { type: "connect", person: 0, port: 5900, forMs: 20_000 } },
    { afterMs: 12_000, deed: WAIT },
  ];
}

/** A key goes, or a door changes, and the kernel keeps what it was to take. */
export function refusedClose(random: Random): Act[] {
  const clean = { ...CLEAN, seed: random(2 ** 31) };
  const [person, door, number] = one(random, [
    [0, "ssh", 7],
    [3, "screen", 6],
    [2, "family", 4],
    [0, "legacy", 13],
  ] as const);
  const knock = (clockMs: number): Deed => ({ type: "knock", person, door, clockMs, road: clean });
  const fault: Deed = {
    type: "kernel fault",
    fault: one(random, REFUSED),
    times: one(random, [4, 9]),
  };
  const how = one(random, ["remove", "replace"] as const);
  const keys: Act[] = [
    { afterMs: 300, deed: { type: "keys", person, how, told: true, keepSessions: false } },
    {
      afterMs: 3_000,
      deed: { type: "keys", person, how: "return", told: true, keepSessions: false },
    },
  ];
  const terms: Act[] = [{ afterMs: 1, deed: knock(29_000) }];
  const isOfKeys = random(2) === 0;
  return [
    { afterMs: 6_000, deed: { type: "reload", number: 0, broken: false, yes: true } },
    { afterMs: 2_000, deed: knock(0) },
    ...(isOfKeys
      ? []
      : [{ afterMs: 3_000, deed: { type: "reload", number, broken: false, yes: true } as const }]),
    { afterMs: 2_000, deed: fault },
    ...(isOfKeys ? keys : terms),
    { afterMs: 20_000, deed: WAIT },
  ];
}
