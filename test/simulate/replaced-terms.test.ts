/** A daemon dies between giving a grant anew by other terms and taking the old elements from the kernel. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/core/address.ts";
import { Counters } from "../../src/core/counters.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import { EchoWatch } from "../../src/data-plane/echo-watch.ts";
import { Opening } from "../../src/data-plane/opening.ts";
import { KernelGrants } from "../../src/firewall/grants.ts";
import { Matcher } from "../../src/match/matcher.ts";
import { doorOf } from "../support/daemon.ts";
import { Agenda } from "./agenda.ts";
import { SimulatedKernel } from "./kernel.ts";
import { simulatedGrantKernel, simulatedSets } from "./set-socket.ts";

const ADDRESS = parseAddress("198.51.100.7")!;
const DOOR = doorOf({ name: "ssh", uses: "one" });
const REQUEST = {
  address: ADDRESS,
  prefix6: 128,
  ports: [
    { proto: "tcp", from: 22, to: 22 },
    { proto: "tcp", from: 2222, to: 2222 },
  ],
  openMs: 30_000,
  label: "ssh alice/laptop",
} as const;

test("the next start takes the old elements away, with ports that the door opens no more", () => {
  const agenda = new Agenda(0);
  const kernel = new SimulatedKernel(agenda, { setSize: 100, movesEnds: true });
  kernel.load({ guarded: [], allow: [], deny: { ip: "drop", ip6: "drop" }, idleMs: [] });
  const open = () =>
    KernelGrants.open(
      simulatedGrantKernel(
        simulatedSets(kernel, agenda, 1, () => {}),
        1,
        () => {},
      ),
    );
  const dead = open();
  dead.open({ ...REQUEST, kind: "plain" });
  dead.open({ ...REQUEST, ports: DOOR.opens, kind: "once" });

  const events: DaemonEvent[] = [];
  const counters = new Counters();
  const opening = new Opening({
    clock: agenda,
    counters,
    poll: { add: () => {}, remove: () => {}, ready: () => false },
    echoes: new EchoWatch(),
    link: { tell: () => {}, emit: (event) => void events.push(event) },
    kernel: {
      grants: open,
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
  opening.begin({ plan: { doors: [DOOR], rotating: [], fixed: [] } as never, matcher }, []);

  expect(events).toMatchObject([{ type: "grant.restored", grant: { kind: "once" } }]);
  expect(kernel.living("grants4")).toEqual([]);
  expect(kernel.living("one4")).toHaveLength(1);
});
