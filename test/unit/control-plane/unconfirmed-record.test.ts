/** The record of what nobody confirmed in time outlives a state folder that refuses it. */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { unconfirmedFile } from "../../../src/config/unconfirmed.ts";
import { UnconfirmedRecord } from "../../../src/control-plane/unconfirmed-record.ts";
import { StateFolder } from "../../support/store.ts";

function stage(folder: StateFolder) {
  const told: string[] = [];
  const record = new UnconfirmedRecord(({ state, message }) => told.push(`${state}: ${message}`));
  return { told, record, file: unconfirmedFile(folder.path) };
}

test("UnconfirmedRecord marks what the folder refused once it takes it, and tells both once", () => {
  using folder = new StateFolder();
  const { told, record, file } = stage(folder);
  mkdirSync(file); // in the way of any file
  record.mark(folder.path, "text");
  record.again();
  rmdirSync(file);
  record.again();
  expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
  record.again();
  expect(told).toEqual([
    expect.stringMatching(/^failing: A start may take the wrong configuration: Cannot /),
    `working: ${file} is written again`,
  ]);
});

test("UnconfirmedRecord marks nothing that somebody reloaded meanwhile", () => {
  using folder = new StateFolder();
  const { told, record, file } = stage(folder);
  mkdirSync(file);
  record.mark(folder.path, "text");
  rmdirSync(file);
  record.clear(folder.path);
  record.again();
  expect(existsSync(file)).toBe(false);
  expect(told.map((one) => one.split(":")[0])).toEqual(["failing", "working"]);
});
