/** Bugs in lost uses, and the wait after them. */

import { mutation, type Mutation } from "./mutation.ts";

export const LOSSES: readonly Mutation[] = [
  mutation(
    "a table that lacks uses vouches for them",
    "control-plane/persistent-state.ts",
    "if (this.#uses.complete) return 0;",
    "if (nowMs > 0) return 0;",
  ),
  mutation(
    "a killed daemon's table may be gone",
    "store/session.ts",
    "if (kernelKept()) return",
    "if (kernelKept !== undefined) return",
  ),
  mutation(
    "a restart ends the wait after a loss",
    "store/uses.ts",
    'if (judged.trust === "lost" || doubt === undefined) return judged;',
    'if (judged.trust === "lost" || doubt !== null) return judged;',
  ),
  mutation(
    "a restart begins the wait after a loss anew",
    "store/uses.ts",
    "...(sinceMs < nowMs && !wasSet && { sinceMs }) };",
    "...(sinceMs < 0 && { sinceMs }) };",
  ),
  mutation(
    "a reboot without a stop loses no uses",
    "store/session.ts",
    "if (stopped === last.bootId) {",
    "if (stopped === last.bootId || last.bootId !== bootId) {",
  ),
  mutation(
    "a marker that the disk kept vouches for what came after it",
    "store/session.ts",
    "return areMarkersKept ? judgeKept",
    "return areMarkersKept === undefined ? judgeKept",
  ),
  mutation(
    "a restart after a kill makes everybody wait",
    "store/session.ts",
    "if (kernelKept()) return",
    "if (kernelKept === undefined) return",
  ),
  mutation(
    "the wait after a loss is a slot too short",
    "control-plane/persistent-state.ts",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew;",
    "const slot = slotAt(this.#doubtMs, stepSeconds) - 1;",
  ),
  mutation(
    "the wait after a loss is a slot too long",
    "control-plane/persistent-state.ts",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew;",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew + 2;",
  ),
  mutation(
    "a reload ends the wait after a loss",
    "data-plane/hearing.ts",
    "// After those of the old plan, which know what was told of them.\n    for (const use of plan.uses) matcher.markUsed(use);",
    "",
  ),
  mutation(
    "a set clock begins no new wait",
    "control-plane/loss-wait.ts",
    "persistent.clockWasSet(clock.wallMs());",
    "",
  ),
  mutation(
    "a wait is noted after the start that knows of it",
    "store/uses.ts",
    '    store.doubt(judged.trust === "lost" ? (judged.sinceMs ?? nowMs) : undefined);\n',
    "",
  ),
  mutation(
    "a clock that is set while no daemon runs ends the wait after a loss",
    "store/uses.ts",
    "...(sinceMs < nowMs && !wasSet && { sinceMs })",
    "...(sinceMs < nowMs && { sinceMs })",
  ),
];
