/** Bugs in the guard and its probation. */

import { mutation, type Mutation } from "./mutation.ts";

export const GUARD: readonly Mutation[] = [
  mutation(
    "a repair that was refused waits for the next audit",
    "control-plane/guard/guard-audit.ts",
    "      this.#repairAgain();\n",
    "",
  ),
  mutation(
    "a guard that is moved on is moved on again",
    "control-plane/guard/guard-loader.ts",
    "this.#clock.monotonicMs() >= this.#loadedMs + REFRESH_MS &&",
    "",
  ),
  mutation(
    "a probation is written down after the kernel guards by it",
    "control-plane/guard/guard-audit.ts",
    "const undo = this.#record.begin(atMs, forMs);\n    try {\n      load();\n",
    "const undo = () => {};\n    try {\n      load();\n      this.#record.begin(atMs, forMs);\n",
  ),
  mutation(
    "a restart forgets a probation",
    "control-plane/guard/guard-audit.ts",
    "const leftMs = armMs ?? earlierMs;",
    "const leftMs = armMs ?? (earlierMs! < 0 ? earlierMs : undefined);",
  ),
  mutation(
    "a restart begins a probation anew",
    "control-plane/guard/probation-file.ts",
    "return Math.min(forMs, Math.max(0, untilMs! - wallMs));",
    "return untilMs! < wallMs ? 0 : forMs;",
  ),
  mutation(
    "a clock that was set back makes a probation longer",
    "control-plane/guard/probation-file.ts",
    "return Math.min(forMs, Math.max(0, untilMs! - wallMs));",
    "return Math.max(0, untilMs! - wallMs);",
  ),
  mutation(
    "a repair makes a probation permanent",
    "control-plane/guard/guard-loader.ts",
    "const doors = guardPlan(settings, this.#probationLeftMs(), deny);",
    "const doors = guardPlan(settings, this.#loadedMs < 0 ? this.#probationLeftMs() : undefined, deny);",
  ),
  mutation(
    "nobody notices the end of a probation",
    "control-plane/guard/guard-audit.ts",
    "this.#probationTimer = setTimeout(() => void this.#endProbation(), lapsesInMs);",
    "",
  ),
  mutation(
    "a lapsed guard comes back with a restart",
    "control-plane/guard/guard-audit.ts",
    "this.#record.lapse(clock.wallMs());",
    "this.#record.end();",
  ),
  mutation(
    "a reload ends a probation",
    "control-plane/guard/guard-audit.ts",
    "      this.#guardLoader.load(next);\n      return;",
    "      this.#guardLoader.loadForGood(next);\n      return;",
  ),
  mutation(
    "a confirmation is forgotten at a restart",
    "control-plane/guard/guard-audit.ts",
    "const refusal = this.#record.end();",
    "const refusal = undefined;",
  ),
  mutation(
    "a probation stands half ended where the disk takes no record of it",
    "control-plane/guard/probation-record.ts",
    "return this.#change.make(this.#file.path, () => this.#file.end());",
    "return this.#change.makeNow(this.#file.path, () => void this.#file.end());",
  ),
  mutation(
    "the record of a probation is not written later",
    "control-plane/lasting-change.ts",
    "this.#waiting?.();",
    "",
  ),
  mutation(
    "the end of a probation does not wait for the disk",
    "files/private-file.ts",
    "    syncFolder(dirname(file));\n",
    "",
  ),
  mutation(
    "the configuration before comes back on probation",
    "control-plane/guard/guard-audit.ts",
    "this.#guardLoader.loadForGood(before);",
    "this.#guardLoader.load(before);",
  ),
];
