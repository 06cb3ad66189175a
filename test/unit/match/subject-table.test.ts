/** Subjects in a table: by index, by name, and as groups of equal terms. */

import { describe, expect, test } from "bun:test";
import { SubjectTable } from "../../../src/match/subject-table.ts";
import { KeyTable } from "../../../src/rks/key-table.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { device } from "../../support/matcher.ts";

const NAMES = ["alice laptop", "alice phone", "bob laptop", "carol laptop"];
const KEYS = KeyTable.from(NAMES.map((name) => device(`any ${name}`)));
const SLOW = { ...DEFAULT_SPACE, stepSeconds: 300 };

function table() {
  return new SubjectTable({
    keys: KEYS.memory,
    doors: [
      { door: "ssh", space: DEFAULT_SPACE },
      { door: "web", space: SLOW, rows: Uint32Array.of(0, 1, 3) },
      { door: "empty", space: DEFAULT_SPACE, rows: new Uint32Array(0) },
      { door: "mail", space: { ...DEFAULT_SPACE }, rows: Uint32Array.of(2) },
    ],
  });
}

const named = (subjects: SubjectTable) =>
  Array.from(subjects, ({ door, user, device: of }) => `${door} ${user} ${of}`);

describe("SubjectTable", () => {
  test("has a subject for every device of every door, doors of equal terms together", () => {
    expect(named(table())).toEqual([
      ...NAMES.map((name) => `ssh ${name}`),
      "mail bob laptop",
      "web alice laptop",
      "web alice phone",
      "web carol laptop",
    ]);
    expect([table().length, table().groups.map(({ length }) => length)]).toEqual([8, [5, 3]]);
  });

  test("find() finds each of them with its key and terms, and nobody else", () => {
    const subjects = table();
    for (const subject of subjects) {
      expect(subjects.find(subject)).toEqual(subject);
      expect(subject.space.stepSeconds).toBe(subject.door === "web" ? 300 : 30);
    }
    for (const [door, user, of] of [
      ["web", "bob", "laptop"],
      ["mail", "alice", "laptop"],
      ["empty", "alice", "laptop"],
      ["none", "alice", "laptop"],
      ["ssh", "dave", "laptop"],
    ] as const) {
      expect(subjects.find({ door, user, device: of })).toBeUndefined();
    }
  });

  test("find() of a group gives the index that at() takes", () => {
    for (const group of table().groups) {
      for (let index = 0; index < group.length; index++) {
        expect(group.find(group.at(index))).toBe(index);
      }
    }
  });

  test("of() makes the table of a list, where a device may have another key at each door", () => {
    const list = ["ssh alice laptop", "web alice laptop", "ssh bob laptop"].map((name) =>
      device(name),
    );
    const subjects = SubjectTable.of(list);
    expect([...subjects].map(({ key }) => key.toHex()).sort()).toEqual(
      list.map(({ key }) => key.toHex()).sort(),
    );
    for (const subject of list) expect(subjects.find(subject)).toEqual(subject);
    expect(SubjectTable.of(subjects)).toBe(subjects);
  });
});
