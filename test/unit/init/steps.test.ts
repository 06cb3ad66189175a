/** The steps that `sallyport init` has left, and what it refuses to change. */

import { expect, test } from "bun:test";
import { parseSettings } from "../../../src/config/load.ts";
import { type Present, stepsLeft } from "../../../src/init/steps.ts";
import { draftConfig } from "../../../src/init/draft.ts";
import { readGuard } from "../../../src/init/answers.ts";

const answers = { guard: readGuard("22/tcp"), users: ["alice", "bob"], host: "gate.example" };
const settings = parseSettings(draftConfig(answers));
const nothing: Present = { settings: undefined, replaces: false, enabled: false, guards: false };
const all: Present = { settings, replaces: false, enabled: true, guards: true };
const nobody = new Set<string>();
const both = new Set(["alice", "bob"]);
const types = (...arguments_: Parameters<typeof stepsLeft>) =>
  stepsLeft(...arguments_).map((step) => (step.type === "key" ? `key ${step.user}` : step.type));

test("stepsLeft() is everything at first, and nothing in the end", () => {
  expect(types(answers, nothing, nobody, true)).toEqual([
    "config",
    "key alice",
    "key bob",
    "units",
    "start",
  ]);
  expect(types(answers, all, both, true)).toEqual([]);
});

test("stepsLeft() is what is missing", () => {
  expect(types(answers, { ...all, guards: false }, both, true)).toEqual(["start"]);
  expect(types(answers, { ...all, enabled: false }, both, true)).toEqual(["units"]);
  expect(types(answers, all, new Set(["bob"]), true)).toEqual(["key alice"]);
  expect(types(answers, nothing, both, true)).toEqual(["config", "units", "start"]);
});

test("stepsLeft() leaves the service alone where it may not be started", () => {
  expect(types(answers, { ...nothing, settings }, both, false)).toEqual([]);
});

test("stepsLeft() rewrites no configuration: it says what that lacks", () => {
  const wanting = (guard: string, ...users: string[]) =>
    expect(() => stepsLeft({ ...answers, guard: readGuard(guard), users }, all, both, true));
  wanting("22, 443/tcp", "alice").toThrow("it does not guard 443/tcp: write a door for it");
  wanting("22", "zoe").toThrow("no door for 22/tcp names zoe: add zoe to its users");
  expect(() => stepsLeft({ ...answers, host: "other.example" }, all, both, true)).toThrow(
    'its links name "gate.example", not "other.example": write host = "other.example" below [server]',
  );
});

test("stepsLeft() writes no second configuration beside a daemon", () => {
  expect(() => stepsLeft(answers, { ...nothing, guards: true }, both, true)).toThrow(
    "a sallyport guards this machine already, by another configuration",
  );
});
