/** How strong a set of rotating doors is: docs/rks.md, "How strong it is". */

import { SPACE_LIMITS } from "./space.ts";
import type { KnockSpace } from "./space.ts";

/** A rotating door and how many devices have a key for it. */
export interface BoundDoor {
  readonly door: string;
  readonly devices: number;
  readonly space: KnockSpace;
}

/** The largest acceptable chance of one forged opening in a day of `PACKETS_PER_DAY`. */
export const FORGERY_LIMIT = 1e-6;

/** A million packets a second, for a day. */
const PACKETS_PER_DAY = 1_000_000 * 86_400;

/** C(total, chosen). Doubles are exact enough: RKS1 never chooses more than 16 of 65,535. */
function choose(total: number, chosen: number): number {
  let count = 1;
  for (let i = 0; i < chosen; i++) count *= (total - i) / (chosen - i);
  return count;
}

/** `V · C(k−1, n−1) / C(R, n)` of one door, with `n` in place of the door's own number of ports. */
function forgeryPerPacket({ devices, space }: BoundDoor, n: number): number {
  const range = space.hi - space.lo + 1;
  if (n > range) return Infinity;
  const valid = devices * (2 * space.skew + 1);
  return (valid * choose(n + space.slack - 1, n - 1)) / choose(range, n);
}

/** An upper bound of the expected forged openings in a day of 1,000,000 packets a second. */
export function forgeryPerDay(doors: readonly BoundDoor[]): number {
  return doors.reduce(
    (sum, door) => sum + PACKETS_PER_DAY * forgeryPerPacket(door, door.space.ports),
    0,
  );
}

/**
 * The smallest number of ports that keeps all doors together within `FORGERY_LIMIT` when every door
 * with fewer is raised to it. Never below the smallest number in use. Undefined where 16 are too
 * few.
 */
export function portsNeeded(doors: readonly BoundDoor[]): number | undefined {
  const least = Math.min(SPACE_LIMITS.ports.max, ...doors.map((door) => door.space.ports));
  for (let n = least; n <= SPACE_LIMITS.ports.max; n++) {
    const raised = doors.map((door) => ({
      ...door,
      space: { ...door.space, ports: Math.max(n, door.space.ports) },
    }));
    if (forgeryPerDay(raised) <= FORGERY_LIMIT) return n;
  }
  return undefined;
}
