/** The kernel has no memory for the answer to a look-up: the element may be there or not. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/core/address.ts";
import { EndWatch } from "../../src/data-plane/end-watch.ts";
import type { RotatingMatch } from "../../src/match/subject.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import { Errno } from "../../src/native/errno.ts";
import { doorOf } from "../support/daemon.ts";
import { kernelStage, openingStage } from "./opening-stage.ts";

const ADDRESS = parseAddress("198.51.100.7")!;
const REQUEST = {
  address: ADDRESS,
  prefix6: 128,
  ports: [{ proto: "tcp", from: 22, to: 22 }],
  kind: "plain",
  openMs: 30_000,
  label: "ssh alice/laptop",
} as const;
const IDLE_MS = 20_000;

function losesAnswers({ kernel }: ReturnType<typeof kernelStage>, count: number): void {
  for (let i = 0; i < count; i++) kernel.faults.add("a lost answer");
}

test("a look-up is repeated until it is answered, and fails at last", () => {
  const stage = kernelStage();
  const grants = stage.grants();
  grants.open(REQUEST);
  losesAnswers(stage, 3);
  expect(grants.livesMs(ADDRESS, REQUEST.ports, { kind: "plain" })).toEqual([30_000]);
  losesAnswers(stage, 4);
  expect(() => grants.livesMs(ADDRESS, REQUEST.ports, { kind: "plain" })).toThrow(
    /^Cannot look into inet sallyport grants4: ENOBUFS/,
  );
});

test("a grant is not given anew by an answer that was lost", () => {
  const stage = kernelStage();
  const grants = stage.grants();
  grants.open(REQUEST);
  losesAnswers(stage, 1);
  grants.open({ ...REQUEST, openMs: 60_000 });
  expect(grants.livesMs(ADDRESS, REQUEST.ports, { kind: "plain" })).toEqual([60_000]);
});

test("a grant for one connection goes on where the kernel does not say whether it was spent", () => {
  const stage = openingStage(doorOf({ name: "ssh", uses: "one" }));
  stage.grants().open({ ...REQUEST, kind: "once" });
  const { doorkeeper } = stage.begin();
  stage.events.length = 0;
  losesAnswers(stage, 4);
  doorkeeper!.traffic.lookAtOnce(64);
  expect(stage.events).toMatchObject([{ type: "fault", part: "firewall" }]);
  doorkeeper!.traffic.lookAtOnce(64);
  expect(stage.events).toHaveLength(1);
  expect(stage.kernel.living("one4")).toHaveLength(1);
});

test("an idle grant whose time seems over is looked at again where the kernel does not say", () => {
  const door = doorOf({
    name: "ssh",
    openForMs: 30_000,
    idleCloseMs: IDLE_MS,
    maxOpenMs: 120_000,
  });
  const stage = openingStage(door);
  const { agenda, kernel, events } = stage;
  const idle = { kind: "idle", idleMs: IDLE_MS, maxMs: 100_000 } as const;
  stage.grants().open({ ...REQUEST, ...idle });
  const opening = stage.begin();
  const doorkeeper = opening.doorkeeper!;
  events.length = 0;
  agenda.after(30_000, () => {});
  const [element] = kernel.living("idle4_20s")!;
  element!.endMs = 45_000;
  agenda.step();
  losesAnswers(stage, 4);
  doorkeeper.expire();
  expect(events).toMatchObject([{ type: "fault", part: "firewall" }]);
  expect(opening.ledger.nextEndMs).toBeWithin(30_500, 31_500);
  agenda.after(1_100, () => {});
  agenda.step();
  doorkeeper.expire();
  expect(events).toHaveLength(1);
  expect(opening.ledger.nextEndMs).toBeWithin(44_500, 45_500);
});

test("a closing knock that the kernel refuses leaves the grant to the next one", () => {
  const knocks = [{ proto: "tcp", port: 7001 }] as const;
  const sequence = { knocks, timeoutMs: 10_000 };
  const door = doorOf({ name: "ssh", users: [], fixed: sequence, closing: sequence });
  const stage = openingStage(door);
  stage.grants().open({ ...REQUEST, kind: "fixed", label: "ssh by-sequence" });
  const doorkeeper = stage.begin().doorkeeper!;
  expect(stage.events).toMatchObject([{ type: "grant.restored" }]);
  stage.events.length = 0;
  const close = () => {
    const subject = { door: "ssh", action: "close", sequence } as const;
    doorkeeper.fixed({ kind: "fixed", subject, source: ADDRESS, timeMs: 0 });
  };
  losesAnswers(stage, 4);
  close();
  expect(stage.events).toMatchObject([{ type: "fault", part: "firewall" }]);
  expect(stage.kernel.living("fixed4")).toHaveLength(1);
  close();
  expect(stage.events.at(-1)).toMatchObject({ type: "grant.closed", reason: "knock" });
  expect(stage.kernel.living("fixed4")).toEqual([]);
});

test("an opening that may have happened unheard is spent, and taken back in a moment", () => {
  const stage = openingStage(doorOf({ name: "ssh" }));
  const { kernel, agenda, events } = stage;
  const { doorkeeper, ledger } = stage.begin();
  const ends = new EndWatch(ledger);
  const subject = { door: "ssh", user: "alice", device: "laptop", space: DEFAULT_SPACE };
  const match = { subject, source: ADDRESS, timeMs: 0, slot: 5, use: new Uint8Array(16).fill(7) };
  const knock = () => doorkeeper!.rotating(match as unknown as RotatingMatch);
  kernel.faults.add("no reply");
  losesAnswers(stage, 4);
  expect(knock()).toBe("spent");
  const unheard = { door: "ssh", user: "alice", device: "laptop", used: { slot: 5 } };
  expect(events).toMatchObject([{ type: "fault", part: "firewall", unheard }]);
  expect(kernel.living("grants4")).toHaveLength(1);
  ends.look(doorkeeper, agenda.monotonicMs());
  agenda.after(1_001, () => {});
  agenda.step();
  ends.look(doorkeeper, agenda.monotonicMs());
  expect(kernel.living("grants4")).toEqual([]);
  // Refused for certain, the knock may come again.
  for (let i = 0; i < 5; i++) kernel.faults.add("no memory");
  expect(doorkeeper!.rotating({ ...match, use: new Uint8Array(16) } as never)).toBe("kept");
});

test("a refusal that is heard says that no earlier try happened", () => {
  const stage = kernelStage([], 1);
  const grants = stage.grants();
  grants.open({ ...REQUEST, address: parseAddress("192.0.2.1")! });
  stage.kernel.faults.add("no memory");
  const use = { id: new Uint8Array(16).fill(7), forMs: 120_000 };
  const opening = () => grants.open({ ...REQUEST, fresh: true, use });
  let refusal: unknown;
  try {
    opening();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: Errno.ENFILE, mayHaveHappened: false });
});

test("one connection ends one of two grants, also where the kernel refuses at first", () => {
  const stage = openingStage(doorOf({ name: "ssh", uses: "one" }));
  const { agenda, kernel, grants } = stage;
  const both = ["laptop", "phone"].map((name, i) => ({
    kind: "once" as const,
    ports: REQUEST.ports,
    lifeMs: 30_000,
    openedMs: i,
    label: `ssh alice/${name}`,
  }));
  const opener = grants();
  for (const [i, { label, openedMs }] of both.entries()) {
    opener.open({ ...REQUEST, kind: "once", label, openedMs, beside: both.slice(0, i) });
  }
  const { doorkeeper, ledger } = stage.begin();
  stage.events.length = 0;
  const [element] = kernel.living("one4")!;
  kernel.spend("one4", element!.key.toHex());
  kernel.faults.add(...Array.from({ length: 4 }, () => "no memory" as const));
  const devices = () =>
    ledger.list(agenda.monotonicMs(), agenda.wallMs()).map(({ device }) => device);
  doorkeeper!.traffic.lookAtOnce(64);
  doorkeeper!.traffic.lookAtOnce(64);
  expect(devices()).toEqual(["phone"]);
  expect(kernel.living("one4")).toHaveLength(1);
});
