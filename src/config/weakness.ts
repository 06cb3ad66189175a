/** Which fixed doors a plain scan opens, and which of them are meant to be opened by anybody. */

import { scanCompletes } from "../core/fixed-sequence.ts";
import type { Door } from "./settings.ts";

type FixedDoor = Pick<Door, "fixed" | "opens">;

/**
 * Whether one knock is enough, by intent: a door that opens no port and whose sequence is one knock starts
 * something for whoever connects there, such as a game server that sleeps. It is no secret and needs no leave.
 */
export function isTrigger({ fixed, opens }: FixedDoor): boolean {
  return fixed?.knocks.length === 1 && opens.length === 0;
}

/** Why a scan opens the door, in words that follow "is"; undefined where none does, and of a trigger. */
export function weaknessOf(door: FixedDoor): string | undefined {
  const scan = door.fixed && !isTrigger(door) ? scanCompletes(door.fixed) : undefined;
  return scan === undefined ? undefined : `completed by ${scan}`;
}
