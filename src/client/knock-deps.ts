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

/** The real surroundings, with this user's slots. */
export function systemKnockDeps(report: (progress: KnockProgress) => void = () => {}): KnockDeps {
  return {
    clock: systemClock,
    slots: slotFiles(slotsFolder()),
    network: systemNetwork,
    sleep: Bun.sleep,
    random: Math.random,
    report,
  };
}
