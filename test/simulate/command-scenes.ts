/** Deeds that belong together: a grant ends that owes a close command. */

import { CLEAN, DISK_ERRORS, one, WAIT } from "./deeds.ts";
import type { Act, Deed, Random } from "./story.ts";
import { PEOPLE } from "./world.ts";

/** The daemon dies while a grant is open that owes a close command; the grant is gone, and perhaps comes again. */
export function orphan(random: Random): Act[] {
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
export function unsettled(random: Random): Act[] {
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

/** A close command finds no process until its door is open again, and the daemon is killed. */
export function lateClose(random: Random): Act[] {
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
export function forgedCrowd(random: Random): Act[] {
  const crowd = (first: number): Act => {
    return { afterMs: 41_000, deed: { type: "crowd", first, strangers: 4 + random(4) } };
  };
  return [
    { afterMs: 6_000, deed: { type: "no processes", times: one(random, [1, 400, 400]) } },
    ...[0, 8, 16, 24].map(crowd),
    { afterMs: 60_000, deed: WAIT },
  ];
}
