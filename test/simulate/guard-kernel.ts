/** The simulated kernel, for the real audit of the guard. */

import type { GuardKernel } from "../../src/control-plane/guard/guard-loader.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { type LivingSession, sessionsAt } from "./living-sessions.ts";

interface Machine {
  readonly kernel: SimulatedKernel;
  readonly sessions: ReadonlySet<LivingSession>;
  /** May throw: the process dies before or after a load. */
  readonly border: (where: string) => void;
}

export function guardKernel({ kernel, sessions, border }: Machine): GuardKernel {
  return {
    load: (plan) => {
      border("a load of the guard");
      kernel.load(plan);
      border("the end of a load of the guard");
    },
    remove: () => kernel.flush(),
    loaded: () => kernel.hasTable,
    fingerprint: () => kernel.fingerprint,
    sessions: (ports) => sessionsAt(sessions, ports),
    adopt: () => 0,
    // No other table is in this world.
    closedPorts: () => ({ ip: "reset", ip6: "reset" }),
    mayDenyUnheard: () => false,
  };
}
