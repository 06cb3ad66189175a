/** What the control plane is told of interfaces: each state once, and at last that all is well. */

import { expect, test } from "bun:test";
import { Counters } from "../../../src/core/counters.ts";
import { CaptureWatch } from "../../../src/data-plane/capture-watch.ts";
import type { Hears } from "../../../src/data-plane/hearing.ts";
import type { Matcher } from "../../../src/match/matcher.ts";

const NOT_ETH1 = "Not listening on eth1: tried again every half second";

function stage(missing: readonly string[] = []) {
  const told: string[] = [];
  /** Of eth0, eth1 and eth2. */
  const interfaces = { missing, down: [] as readonly string[], back: [] as readonly string[] };
  const listener = {
    get attached() {
      return ["eth0", "eth1", "eth2"].filter((name) => !interfaces.missing.includes(name));
    },
    get missing() {
      return interfaces.missing;
    },
    get down() {
      return interfaces.down;
    },
    standsIn: false,
    attachMissing: () => {
      const { back } = interfaces;
      interfaces.missing = interfaces.missing.filter((name) => !back.includes(name));
      return [];
    },
    countDrops: () => ({ fresh: 0, lost: [] }),
  } as unknown as Hears;
  const matcher = { stats: { sources4: 0, sources6: 0, evicted: 0 } } as Matcher;
  const watch = new CaptureWatch({ listener, matcher, restMs: () => 7_500 }, new Counters(), {
    tell: () => {},
    fault: (part, sentence) => void told.push(`${part} fault: ${sentence}`),
    recovered: (part, sentence) => void told.push(`${part} recovered: ${sentence}`),
  });
  const tell = (change: Partial<typeof interfaces>) => {
    Object.assign(interfaces, change);
    watch.look(0);
    watch.look(0);
    return [...told.splice(0), watch.dueMs];
  };
  return { tell, watch };
}

test("look() tells once that an interface is down, looks soon again, and tells when it is up", () => {
  const { tell } = stage();
  expect(tell({})).toEqual([7_500]);
  expect(tell({ down: ["eth1"] })).toEqual([
    "capture fault: The interface eth1 is down: bring it up (ip link set eth1 up)",
    500,
  ]);
  expect(tell({ down: [] })).toEqual(["capture recovered: Listening on eth0, eth1, eth2", 7_500]);
});

test("look() tells of those that are still missing when another one is back or up", () => {
  const { tell } = stage(["eth1", "eth2"]);
  // Known since the start.
  expect(tell({ down: ["eth0"] })[0]).toContain("Not listening on eth1, eth2");
  expect(tell({ down: [], back: ["eth2"] })).toEqual([`capture fault: ${NOT_ETH1}`, 500]);
  expect(tell({ back: ["eth1"] })).toEqual([
    "capture recovered: Listening on eth0, eth1, eth2",
    7_500,
  ]);
});

test("look() says nothing of what the start told", () => {
  expect(stage(["eth1"]).tell({})).toEqual([500]);
});

test("lost() is over once the interface is attached again, whoever did that", () => {
  const { tell, watch } = stage();
  watch.lost("Cannot capture on eth0: no such interface");
  expect(tell({})).toEqual([
    "capture fault: Cannot capture on eth0: no such interface",
    "capture recovered: Listening on eth0, eth1, eth2",
    7_500,
  ]);
});
