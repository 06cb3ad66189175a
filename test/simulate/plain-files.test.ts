/** What is removed for good is gone after a power cut. */

import { expect, test } from "bun:test";
import { existsSync, realpathSync } from "node:fs";
import { ProbationFile } from "../../src/control-plane/guard/probation-file.ts";
import { takeCleanStop } from "../../src/store/session.ts";
import { writePrivateFile } from "../../src/files/private-file.ts";
import { StateFolder } from "../support/store.ts";
import { watchPlainFiles } from "./plain-files.ts";

/** Whether the folder is synced while the file is not there. */
function isGoneForGood(folder: StateFolder, file: string, work: () => void): boolean {
  let isGone = false;
  watchPlainFiles({
    step(step, path) {
      if (step !== "synced") return;
      isGone ||= path === realpathSync(folder.path) && !existsSync(folder.file(file));
    },
  });
  work();
  watchPlainFiles(undefined);
  return isGone;
}

test("ProbationFile.end() waits until the disk knows it", () => {
  using folder = new StateFolder();
  const file = new ProbationFile(folder.path);
  file.begin(0, 60_000);
  expect(isGoneForGood(folder, "probation", () => file.end())).toBe(true);
  expect(file.leftMs(0)).toBeUndefined();
});

test("takeCleanStop() waits until the disk knows that the marker is gone", () => {
  using folder = new StateFolder();
  writePrivateFile(folder.file("clean-stop"), "boot-1\n");
  expect(isGoneForGood(folder, "clean-stop", () => void takeCleanStop(folder.path))).toBe(true);
});
