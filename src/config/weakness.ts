/** The fixed doors that a plain scan opens, and those that anybody is meant to open. */

import { scanCompletes } from "../core/fixed-sequence.ts";
import type { Door } from "./settings.ts";

type FixedDoor = Pick<Door, "fixed" | "opens">;

/**
 * Whether one knock is enough, on purpose: a door that opens no port and whose sequence is one
 * knock starts a program for everybody who connects there, such as a sleeping game server. It is no
 * secret and needs no leave.
 */
export function isTrigger({ fixed, opens }: FixedDoor): boolean {
  return fixed?.knocks.length === 1 && opens.length === 0;
}

/**
 * Why a scan opens the door, in words that follow "is"; undefined where no scan does, and for a
 * trigger.
 */
export function weaknessOf(door: FixedDoor): string | undefined {
  const scan = door.fixed && !isTrigger(door) ? scanCompletes(door.fixed) : undefined;
  return scan === undefined ? undefined : `completed by ${scan}`;
}
