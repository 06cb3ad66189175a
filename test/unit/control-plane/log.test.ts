/** The lines of the log: every event has one, with the facts that a newcomer needs. */

import { expect, test } from "bun:test";
import type { DaemonEvent } from "../../../src/core/events.ts";
import { describeEvent, type Level } from "../../../src/control-plane/log.ts";
import { grantOf, NOW, opened } from "../../support/store.ts";

const GRANT = grantOf("203.0.113.7");
const BY_HAND = grantOf("2001:db8::/64", { via: "hand", ports: [], expiresMs: NOW + 3_600_000 });
const BY_SEQUENCE = grantOf("203.0.113.7", { via: "fixed", expiresMs: NOW + 90_400 });
const WHO = { door: "ssh", user: "alice", device: "laptop", address: "198.51.100.7", atMs: NOW };
const FIRST = { firstAddress: "203.0.113.7", firstMs: NOW };
const END = { type: "grant.closed", atMs: NOW, grant: GRANT } as const;
const REPAIR = { type: "guard.repaired", atMs: NOW, tookMs: 3.0612 } as const;
const FAULT = { atMs: NOW, part: "capture", message: "Cannot listen on eth0: gone: plug it in" };
const { latencyMs: _, ...byHand } = opened(NOW, BY_HAND) as DaemonEvent & { latencyMs?: number };

const LINES: readonly (readonly [DaemonEvent, Level, string])[] = [
  [
    opened(NOW),
    "info",
    "Opened ssh (22/tcp) to 203.0.113.7 for 30s: by alice/laptop, 0.40 ms after the last knock",
  ],
  [byHand, "info", "Opened ssh to 2001:db8::/64 for 1h: by hand"],
  [
    { ...opened(NOW, BY_SEQUENCE), renewed: true } as DaemonEvent,
    "info",
    "Renewed ssh (22/tcp) to 203.0.113.7 for 90s: by a fixed knock, 0.40 ms after the last knock",
  ],
  [
    { type: "grant.restored", atMs: NOW, grant: GRANT },
    "info",
    "Kept ssh open to 203.0.113.7: the kernel had it open before this start",
  ],
  [{ ...END, reason: "expired" }, "info", "Closed ssh to 203.0.113.7: its time is over"],
  [{ ...END, reason: "hand" }, "info", "Closed ssh to 203.0.113.7: closed by hand"],
  [{ ...END, reason: "knock" }, "info", "Closed ssh to 203.0.113.7: closed by its close knock"],
  [
    { ...END, reason: "lost" },
    "info",
    "Closed ssh to 203.0.113.7: somebody else removed it from the kernel",
  ],
  [
    { type: "door.full", atMs: NOW, door: "legacy", address: "198.51.100.7", most: 64 },
    "warning",
    "Did not open legacy to 198.51.100.7: 64 addresses hold it already: raise door.legacy.max_grants, or give the door users so that nobody can forge its knock",
  ],
  [
    { type: "door.full", atMs: NOW, door: "legacy", address: WHO.address, most: 64, behind: true },
    "warning",
    "Did not open legacy to 198.51.100.7: the work after its openings is late (commands, log or stores): make its commands faster, or give the door users so that nobody can forge its knock",
  ],
  [
    { type: "knock.repeated", ...WHO },
    "debug",
    "Ignored a repeat from 198.51.100.7: it knocked for ssh as alice/laptop in this slot already",
  ],
  [
    { type: "knock.reused", ...WHO, ...FIRST },
    "warning",
    "Refused 198.51.100.7: the knock of alice/laptop for ssh was used at 2026-05-01T10:00:00.000Z from 203.0.113.7: somebody on the path may be listening (addresses can be forged)",
  ],
  [
    { type: "knock.reused", ...WHO, ...FIRST, part: { heard: 6, ports: 8 } },
    "warning",
    "6 of 8 ports of the knock of alice/laptop for ssh, used at 2026-05-01T10:00:00.000Z from 203.0.113.7, also came from 198.51.100.7: somebody on the path may be listening (addresses can be forged)",
  ],
  [
    { ...REPAIR, rules: true, grants: 1 },
    "warning",
    "Repaired the guard in 3.1 ms: the rule set was changed by somebody else (nft, a firewall service?): 1 grant put back",
  ],
  [
    { ...REPAIR, rules: false, grants: 2 },
    "warning",
    "Repaired the guard in 3.1 ms: grants were deleted by somebody else (nft, a firewall service?): 2 grants put back",
  ],
  [{ ...FAULT, type: "fault" } as DaemonEvent, "error", FAULT.message],
  [
    {
      ...FAULT,
      type: "fault",
      unheard: {
        door: "ssh",
        user: "alice",
        device: "laptop",
        address: "203.0.113.7",
        used: { slot: 1, stepSeconds: 30 },
      },
    } as DaemonEvent,
    "error",
    `${FAULT.message}: the knock of alice/laptop from 203.0.113.7 may have opened ssh all the same, so it counts as used, and what it opened is closed in a moment: knock again with the next slot`,
  ],
  [{ ...FAULT, type: "recovered" } as DaemonEvent, "info", FAULT.message],
];

test.each(LINES)("describeEvent() says it in one sentence: %#", (event, level, sentence) => {
  expect(describeEvent(event)).toEqual({ level, sentence });
});

test("describeEvent() is tried with every kind of event there is", () => {
  const tried = {
    "grant.opened": 0,
    "grant.restored": 0,
    "grant.closed": 0,
    "knock.repeated": 0,
    "knock.reused": 0,
    "guard.repaired": 0,
    "door.full": 0,
    fault: 0,
    recovered: 0,
  } satisfies Record<DaemonEvent["type"], number>;
  for (const [{ type }] of LINES) tried[type]++;
  expect(Object.entries(tried).filter(([, count]) => count === 0)).toEqual([]);
});
