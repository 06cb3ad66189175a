/** Readiness follows every file of the state folder, not the last one that was heard of. */

import { expect, test } from "bun:test";
import { FailingFiles } from "../../../src/control-plane/failing-files.ts";
import { Readiness } from "../../../src/control-plane/readiness.ts";
import type { StoreNotice } from "../../../src/store/state-file.ts";

test("FailingFiles keeps readiness red until the last file works again", () => {
  const readiness = new Readiness();
  const files = new FailingFiles(readiness);
  const hear = (state: StoreNotice["state"], file: string) =>
    files.hear({ state, file, message: `${file} is ${state}` });
  const said = () => readiness.reasons().map(({ detail }) => detail);
  hear("failing", "uses.db");
  hear("failing", "audit.db");
  expect(said()).toEqual(["uses.db is failing\naudit.db is failing"]);
  hear("working", "audit.db");
  hear("replaced", "owed.db");
  expect(said()).toEqual(["uses.db is failing"]);
  hear("working", "uses.db");
  expect(said()).toEqual([]);
});
