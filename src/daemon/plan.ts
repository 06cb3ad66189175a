/** Turns checked settings and keys into what each part needs: pure, and plain data for the worker. */

import type { DeviceKey } from "../config/keys.ts";
import type { Door, Settings } from "../config/settings.ts";
import { spansOf } from "../core/fixed-sequence.ts";
import type { PortRange } from "../core/port.ts";
import type { FixedSubject, KnownUse, RotatingSubject } from "../match/subject.ts";

/** Everything the data plane works from. */
export interface Plan {
  readonly interfaces: readonly string[];
  /** What the kernel filter lets through: whole knock ranges and spans, never only today's ports. */
  readonly heard: readonly PortRange[];
  readonly doors: readonly Door[];
  readonly rotating: readonly RotatingSubject[];
  readonly fixed: readonly FixedSubject[];
  /** Uses that are spent already: remembered, or not known to be unspent. */
  readonly uses: readonly KnownUse[];
}

/** Every (door, device) pair that may open by a rotating knock. */
function rotatingSubjects(door: Door, keys: readonly DeviceKey[]): RotatingSubject[] {
  return keys
    .filter(({ user }) => door.users.includes(user))
    .map(({ user, device, key }) => ({ door: door.name, user, device, key, space: door.space }));
}

function fixedSubjects(door: Door): FixedSubject[] {
  const subjects: FixedSubject[] = [];
  if (door.fixed) subjects.push({ door: door.name, action: "open", sequence: door.fixed });
  if (door.closing) subjects.push({ door: door.name, action: "close", sequence: door.closing });
  return subjects;
}

function heardPorts(door: Door): PortRange[] {
  const { proto, lo, hi } = door.space;
  const rotating: PortRange[] = door.users.length > 0 ? [{ proto, from: lo, to: hi }] : [];
  return [...rotating, ...fixedSubjects(door).flatMap(({ sequence }) => spansOf(sequence))];
}

export function makePlan(
  settings: Settings,
  keys: readonly DeviceKey[],
  uses: readonly KnownUse[] = [],
): Plan {
  const { doors } = settings;
  return {
    interfaces: settings.server.interfaces,
    heard: doors.flatMap(heardPorts),
    doors,
    rotating: doors.flatMap((door) => rotatingSubjects(door, keys)),
    fixed: doors.flatMap(fixedSubjects),
    uses,
  };
}
