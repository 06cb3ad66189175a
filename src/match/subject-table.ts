/** Who may knock: every device at every door, in memory that threads share. */

import { KEY_BYTES } from "../rks/key.ts";
import { KeyTable, type KeyTableMemory } from "../rks/key-table.ts";
import { SequenceDeriver } from "../rks/sequence.ts";
import { type KnockSpace, spaceKey } from "../rks/space.ts";
import type { KnownUse, RotatingSubject } from "./subject.ts";

/** The devices of one door. */
export interface DoorMembers {
  readonly door: string;
  readonly space: KnockSpace;
  /** Rows of the key table, ascending; absent for all rows. */
  readonly rows?: Uint32Array;
}

/** The parts of a SubjectTable, in the form that goes to another thread. */
export interface SubjectMemory {
  readonly keys: KeyTableMemory;
  readonly doors: readonly DoorMembers[];
}

/** Subjects as a list or as a table; a hundred thousand of them come as a table. */
export type Subjects = readonly RotatingSubject[] | SubjectTable;

/** Neighbouring subjects of a group: those of one door. */
export interface GroupPart extends DoorMembers {
  /** The index in the group of its first subject. */
  readonly first: number;
  readonly count: number;
}

/** The subjects with equal terms, under indices from 0 on. */
export class SubjectGroup {
  readonly space: KnockSpace;
  readonly length: number;
  readonly parts: readonly GroupPart[];
  /** `KEY_BYTES` for each row. */
  readonly keys: Uint8Array;
  readonly #table: KeyTable;
  readonly #partOf = new Map<string, GroupPart>();
  readonly #derivers: SequenceDeriver[] = [];

  constructor(table: KeyTable, doors: readonly DoorMembers[]) {
    this.#table = table;
    this.keys = table.memory.keys;
    this.space = doors[0]!.space;
    let first = 0;
    this.parts = doors.map((members) => {
      const count = members.rows?.length ?? table.length;
      const part = { ...members, first, count };
      first += count;
      this.#partOf.set(members.door, part);
      return part;
    });
    this.length = first;
  }

  /** The subject of an index. A fresh object for each call: not for loops over all subjects. */
  at(index: number): RotatingSubject {
    const part = this.partAt(index);
    const row = rowOf(part, index - part.first);
    const { door, space } = part;
    const { user, device, key } = this.#table.at(row);
    return { door, user, device, key, space };
  }

  /** The index of a subject, or −1. */
  find({ door, user, device }: Pick<KnownUse, "door" | "user" | "device">): number {
    const part = this.#partOf.get(door);
    if (part === undefined) return -1;
    let index = -1;
    this.#table.find(user, device, (row) => (index = indexOf(part, row)) >= 0);
    return index;
  }

  /** Draws sequences of the part at this place in `parts`. Turn it to a slot first. */
  deriver(part: number): SequenceDeriver {
    let deriver = this.#derivers[part];
    if (deriver === undefined) {
      deriver = new SequenceDeriver(this.parts[part]!.door, this.space);
      this.#derivers[part] = deriver;
    }
    return deriver;
  }

  /** The part that an index belongs to. */
  partAt(index: number): GroupPart {
    const { parts } = this;
    return parts[lowerBound(parts.length, (i) => parts[i]!.first + parts[i]!.count > index)]!;
  }
}

export class SubjectTable implements Iterable<RotatingSubject> {
  readonly memory: SubjectMemory;
  /** One group for each knock space. */
  readonly groups: readonly SubjectGroup[];
  readonly length: number;

  /** `doors` names every door once. */
  constructor(memory: SubjectMemory) {
    this.memory = memory;
    const table = new KeyTable(memory.keys);
    const spaces = Map.groupBy(memory.doors, ({ space }) => spaceKey(space));
    this.groups = [...spaces.values()].map((doors) => new SubjectGroup(table, doors));
    this.length = this.groups.reduce((sum, { length }) => sum + length, 0);
  }

  /** The table of a list; a table is returned as it is. */
  static of(subjects: Subjects): SubjectTable {
    if (subjects instanceof SubjectTable) return subjects;
    const { memory } = KeyTable.from(subjects);
    const rows = Map.groupBy(subjects.keys(), (i) => {
      const { door, space } = subjects[i]!;
      return `${door} ${spaceKey(space)}`;
    });
    const doors = [...rows.values()].map((own) => {
      const { door, space } = subjects[own[0]!]!;
      return { door, space, rows: Uint32Array.from(own) };
    });
    return new SubjectTable({ keys: memory, doors });
  }

  /** A fresh object for each subject: for few subjects, or rarely. */
  *[Symbol.iterator](): Generator<RotatingSubject, void> {
    for (const group of this.groups) {
      for (let index = 0; index < group.length; index++) yield group.at(index);
    }
  }

  find(name: Pick<KnownUse, "door" | "user" | "device">): RotatingSubject | undefined {
    for (const group of this.groups) {
      const index = group.find(name);
      if (index >= 0) return group.at(index);
    }
    return undefined;
  }
}

/** The index in its group of a row of the part, or −1. */
function indexOf({ rows, first }: GroupPart, row: number): number {
  if (rows === undefined) return first + row;
  const at = lowerBound(rows.length, (i) => rows[i]! >= row);
  return rows[at] === row ? first + at : -1;
}

/** The row in the key table of the `i`th subject of a part. */
export function rowOf({ rows }: DoorMembers, i: number): number {
  return rows === undefined ? i : rows[i]!;
}

/** Where the key of the `i`th subject of a part begins in the group's `keys`. */
export function keyAt(part: DoorMembers, i: number): number {
  return rowOf(part, i) * KEY_BYTES;
}

/**
 * The first of `count` indices for which `holds` is true, as it must be for all after it; `count`
 * when there is none.
 */
function lowerBound(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
