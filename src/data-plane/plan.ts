/** Turns checked settings and keys into the plan that the data plane works by. Pure, and plain data for the worker. */

import type { DeviceKey } from "../keys/keys.ts";
import { EVERYBODY } from "../config/names.ts";
import type { Door, Settings } from "../config/settings.ts";
import { spansOf } from "../core/fixed-sequence.ts";
import type { PortRange } from "../core/port.ts";
import { type DoorMembers, type SubjectMemory, SubjectTable } from "../match/subject-table.ts";
import type { FixedSubject, KnownUse } from "../match/subject.ts";
import { KeyTable } from "../rks/key-table.ts";

/** All data that the data plane works by. */
export interface Plan {
  readonly interfaces: readonly string[];
  /**
   * The ports that the kernel filter passes: whole knock ranges and spans, never only today's
   * ports.
   */
  readonly heard: readonly PortRange[];
  readonly doors: readonly Door[];
  readonly rotating: SubjectTable;
  readonly fixed: readonly FixedSubject[];
  /** Uses that are spent already: remembered, or not known to be unspent. */
  readonly uses: readonly KnownUse[];
}

/**
 * A plan on its way to another thread: the keys and names of its subjects are shared, not copied.
 */
export type PlanMemory = Omit<Plan, "rotating"> & { readonly rotating: SubjectMemory };

export function packPlan(plan: Plan): PlanMemory {
  return { ...plan, rotating: plan.rotating.memory };
}

export function unpackPlan(memory: PlanMemory): Plan {
  return { ...memory, rotating: new SubjectTable(memory.rotating) };
}

/** Every (door, device) pair that may open by a rotating knock. */
function rotatingSubjects(doors: readonly Door[], keys: KeyTable): SubjectTable {
  const rotating = doors.filter(({ users }) => users.length > 0);
  const rowsOf = new Map<string, number[]>();
  // Not needed for doors that admit everybody.
  if (rotating.some(({ users }) => !users.includes(EVERYBODY))) {
    let row = 0;
    for (const user of keys.users()) {
      const rows = rowsOf.get(user);
      if (rows === undefined) rowsOf.set(user, [row]);
      else rows.push(row);
      row++;
    }
  }
  const members = rotating.map(({ name, space, users }): DoorMembers => {
    if (users.includes(EVERYBODY)) return { door: name, space };
    const rows = users.flatMap((user) => rowsOf.get(user) ?? []);
    return { door: name, space, rows: Uint32Array.from(rows).sort() };
  });
  return new SubjectTable({ keys: keys.memory, doors: members });
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
  keys: readonly DeviceKey[] | KeyTable,
  uses: readonly KnownUse[] = [],
): Plan {
  const { doors } = settings;
  return {
    interfaces: settings.server.interfaces,
    heard: doors.flatMap(heardPorts),
    doors,
    rotating: rotatingSubjects(doors, KeyTable.of(keys)),
    fixed: doors.flatMap(fixedSubjects),
    uses,
  };
}
