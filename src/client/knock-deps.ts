/** The surroundings of a knock: clock, memory, network. */

import { systemClock } from "../core/clock.ts";
import { systemNetwork } from "./attempts.ts";
import type { AttemptDeps, KnockProgress } from "./attempts.ts";
import { slotsFolder } from "./folders.ts";
import { slotFiles } from "./slot-files.ts";
import type { SlotStore } from "./slot-store.ts";

/** The parts of the world that a knock touches; `systemKnockDeps` has the real ones. */
export interface KnockDeps extends AttemptDeps {
  readonly slots: SlotStore;
  /** From 0 to below 1. The order of a sequence is no secret: any generator will do. */
  readonly random: () => number;
}

type Report = (progress: KnockProgress) => void;

/** The real surroundings of a fixed knock, which uses no slots, and needs no folder for them. */
export function systemAttemptDeps(report: Report = () => {}): AttemptDeps {
  return { clock: systemClock, network: systemNetwork, sleep: Bun.sleep, report };
}

/** The real surroundings, with this user's slots. */
export function systemKnockDeps(report?: Report): KnockDeps {
  return {
    ...systemAttemptDeps(report),
    slots: slotFiles(slotsFolder()),
    random: Math.random,
  };
}
