/** How many addresses each door may be open to, where its ports or the number of doors leave less than the default. */

import * as v from "valibot";
import { DOOR_KEYS } from "../config/door-keys.ts";
import { LIMITS } from "../config/schema.ts";
import type { DraftDoor } from "./draft.ts";
import { different, type Verdicts } from "./verdicts.ts";

const DEFAULT = v.getDefault(DOOR_KEYS.max_grants.schema);

/** Ports of a door that take elements of the kernel's set for fixed doors. */
function portsOf({ opens, knocks }: DraftDoor): number {
  return knocks === undefined ? 0 : opens.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** Gives all of them the same number, so that their grants fit into that set together. */
export function withMaxGrants(doors: readonly DraftDoor[], verdicts: Verdicts): DraftDoor[] {
  const ports = doors.reduce((sum, door) => sum + portsOf(door), 0);
  const most = Math.floor(LIMITS.fixedElements / Math.max(1, ports));
  if (most >= DEFAULT) return [...doors];
  const maxGrants = Math.max(1, most);
  return doors.map((door) => {
    if (portsOf(door) === 0) return door;
    const text = `it is open to ${maxGrants} addresses at a time, so that all doors have room (max_grants)`;
    verdicts.add(door.sections[0]!.line, different(text));
    return { ...door, maxGrants };
  });
}
