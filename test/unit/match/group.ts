/** A group of subjects for tests of classes that work on one. */

import { type SubjectGroup, SubjectTable } from "../../../src/match/subject-table.ts";
import type { RotatingSubject } from "../../../src/match/subject.ts";

/**
 * Subjects with equal terms; their indices are their places in the list where all belong to one
 * door.
 */
export function groupOf(subjects: readonly RotatingSubject[]): SubjectGroup {
  const [group, ...more] = SubjectTable.of(subjects).groups;
  if (group === undefined || more.length > 0) throw new Error("not one group");
  return group;
}
