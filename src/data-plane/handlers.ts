/** One handler for each request of the control plane. */

import type { Clock } from "../core/clock.ts";
import type { HitLog } from "../match/hit-log.ts";
import type { Hearing } from "./hearing.ts";
import type { Handlers } from "./messages.ts";
import type { Opening } from "./opening.ts";
import { unpackPlan } from "./plan.ts";

/** A source that has not knocked for so long has ended its try. */
const QUIET_MS = 2_000;

export interface HandlersParts {
  readonly clock: Clock;
  readonly hits: HitLog;
  readonly hearing: Hearing;
  readonly opening: Opening;
  /** Ends the loop. */
  readonly stop: () => void;
}

export function makeHandlers({ clock, hits, hearing, opening, stop }: HandlersParts): Handlers {
  return {
    begin: ({ uses }) => opening.begin(hearing, uses),
    configure: ({ plan }) => {
      hearing.replace(
        unpackPlan(plan),
        () => opening.kernelUses(),
        ({ doors }) => opening.doorkeeper?.replaceDoors(doors),
      );
      return null;
    },
    open: ({ door, address, forMs }) => opening.begun.open(door, address, forMs),
    close: ({ id }) => opening.begun.closeByHand(id),
    grants: (some) => opening.grants(some),
    "repair-grants": ({ ids }) => opening.begun.repairGrants(ids),
    behind: ({ doors }) => {
      opening.begun.setBehind(doors);
      return null;
    },
    why: ({ address }) => ({
      hits: hits.of(address),
      sinceMs: hits.completeSinceMs(address),
      grants: opening.doorkeeper?.grantsOf(address) ?? [],
    }),
    heard: ({ sinceMs, most }) => hits.latest(sinceMs, most),
    uses: (subject) => hearing.matcher.usesOf(subject),
    quiet: ({ least, most }) => hits.quiet(clock.wallMs(), QUIET_MS, least, most),
    remember: (some) => opening.remember(hearing, some),
    "warm-up": () => {
      opening.warmth?.again();
      return null;
    },
    ping: () => null,
    stop: () => {
      stop();
      return null;
    },
  };
}
