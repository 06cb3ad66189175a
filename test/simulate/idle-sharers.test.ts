/** Several hold the place of an idle grant: whoever's time is over does not come back with a later daemon. */

import { expect, test } from "bun:test";
import { parseAddress } from "../../src/core/address.ts";
import { EndWatch } from "../../src/data-plane/end-watch.ts";
import { doorOf } from "../support/daemon.ts";
import { openingStage } from "./opening-stage.ts";

const ADDRESS = parseAddress("198.51.100.7")!;
const IDLE_MS = 20_000;
const DOOR = doorOf({
  name: "ssh",
  openForMs: 30_000,
  idleCloseMs: IDLE_MS,
  maxOpenMs: 120_000,
});
const REQUEST = { address: ADDRESS, prefix6: 128, ports: DOOR.opens, kind: "idle" } as const;

function openedBy(devices: readonly string[], maxMs = 100_000) {
  const stage = openingStage(DOOR);
  const grants = stage.grants();
  const needs = devices.map((name) => ({
    kind: "idle" as const,
    ports: DOOR.opens,
    lifeMs: 30_000,
    capMs: maxMs,
    idleMs: IDLE_MS,
    openedMs: 0,
    label: `ssh alice/${name}`,
  }));
  for (const [i, { label }] of needs.entries()) {
    const own = { ...REQUEST, idleMs: IDLE_MS, openMs: 30_000, maxMs, label, openedMs: 0 };
    grants.open({ ...own, beside: needs.slice(0, i) });
  }
  const pass = (ms: number) => {
    stage.agenda.after(ms, () => {});
    stage.agenda.step();
  };
  return { ...stage, pass };
}

test("those that end by themselves leave no record", () => {
  const { kernel, pass, begin, grants } = openedBy(["laptop", "phone"]);
  const doorkeeper = begin().doorkeeper!;
  expect(kernel.living("shared4")).toHaveLength(2);
  pass(30_001);
  doorkeeper.expire();
  expect(kernel.living("shared4")).toEqual([]);
  // Somebody else opens the place, and a later daemon begins.
  grants().open({ ...REQUEST, idleMs: IDLE_MS, openMs: 30_000, label: "ssh alice/tablet" });
  const { ledger } = begin();
  expect(ledger.list(30_001, 30_001).map(({ device }) => device)).toEqual(["tablet"]);
});

test("a record that the kernel keeps is taken a second later", () => {
  const { agenda, kernel, pass, begin } = openedBy(["laptop", "phone"]);
  const { doorkeeper, ledger } = begin();
  const ends = new EndWatch(ledger);
  pass(30_001);
  const noMemory = Array.from({ length: 8 }, () => "no memory" as const);
  kernel.faults.add(...noMemory);
  ends.look(doorkeeper, agenda.monotonicMs());
  expect(ledger.size).toBe(0);
  expect(kernel.living("shared4")).toHaveLength(2);
  expect(ends.dueMs(agenda.monotonicMs())).toBeWithin(30_900, 31_100);
  pass(500);
  ends.look(doorkeeper, agenda.monotonicMs());
  expect(kernel.living("shared4")).toHaveLength(2);
  pass(501);
  ends.look(doorkeeper, agenda.monotonicMs());
  expect(kernel.living("shared4")).toEqual([]);
  expect(ends.dueMs(agenda.monotonicMs())).toBe(Infinity);
});

test("a grant that nothing renews any more lives as long as its elements, also with a later daemon", () => {
  for (const devices of [["laptop"], ["laptop", "phone"]]) {
    const { kernel, pass, begin } = openedBy(devices, 25_000);
    pass(27_000);
    // Traffic came before the cap was over.
    for (const element of kernel.living("idle4_20s")!) element.endMs = 44_000;
    const opening = begin();
    expect(opening.ledger.list(27_000, 27_000).map(({ expiresMs }) => expiresMs)).toEqual(
      devices.map(() => 44_000),
    );
    for (const { id } of opening.ledger.list(27_000, 27_000)) {
      const grant = opening.ledger.get(id)!;
      expect(opening.doorkeeper!.traffic.renewedMs(grant)).toBeWithin(16_990, 17_001);
      const [own] = opening.ledger.at(grant.address, 27_000);
      expect(own!.capMs + IDLE_MS).toBeLessThanOrEqual(18_000);
    }
  }
});
