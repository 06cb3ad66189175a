/** The opening half of a data plane beside a simulated kernel, without packets. */

import { Counters } from "../../src/core/counters.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Door } from "../../src/config/settings.ts";
import { EchoWatch } from "../../src/data-plane/echo-watch.ts";
import { Opening } from "../../src/data-plane/opening.ts";
import { KernelGrants } from "../../src/firewall/grants.ts";
import { Matcher } from "../../src/match/matcher.ts";
import { Agenda } from "./agenda.ts";
import { SimulatedKernel } from "./kernel.ts";
import { simulatedGrantKernel, simulatedSets } from "./set-socket.ts";

/** A kernel with our table. */
export function kernelStage(idleMs: readonly number[] = [], setSize = 100) {
  const agenda = new Agenda(0);
  const kernel = new SimulatedKernel(agenda, { setSize, movesEnds: true });
  kernel.load({ guarded: [], allow: [], deny: { ip: "drop", ip6: "drop" }, idleMs });
  const grants = () => {
    const sets = simulatedSets(kernel, agenda, 1, () => {});
    return KernelGrants.open(simulatedGrantKernel(sets, 1, () => {}));
  };
  return { agenda, kernel, grants };
}

/** The same with what begins beside it, for one door; `events` are those told so far. */
export function openingStage(
  door: Door,
  { agenda, kernel, grants } = kernelStage(
    door.idleCloseMs === undefined ? [] : [door.idleCloseMs],
  ),
) {
  const events: DaemonEvent[] = [];
  const begin = () => {
    const opening = new Opening({
      clock: agenda,
      counters: new Counters(),
      poll: { add: () => {}, remove: () => {}, ready: () => false },
      echoes: new EchoWatch(),
      link: { tell: () => {}, emit: (event) => void events.push(event) },
      kernel: {
        grants,
        events: () => ({
          fd: 0,
          drain: () => false,
          tookOnce: () => false,
          others: () => false,
          [Symbol.dispose]: () => {},
        }),
      },
    });
    const matcher = new Matcher({ rotating: [], fixed: [] }, opening);
    opening.begin({ plan: { doors: [door], rotating: [], fixed: [] } as never, matcher }, []);
    return opening;
  };
  return { agenda, kernel, grants, events, begin };
}
