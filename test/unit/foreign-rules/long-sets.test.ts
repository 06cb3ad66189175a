/** Sets of many elements: searched once, and not again for each guarded port. */

import { expect, test } from "bun:test";
import { parsePortRange } from "../../../src/core/port.ts";
import { checkForeignRules } from "../../../src/foreign-rules/foreign-rules.ts";
import type { Listing, Statement } from "../../../src/foreign-rules/listing.ts";
import { toListing } from "../../../src/foreign-rules/read-listing.ts";
import { narrowed } from "../../../src/foreign-rules/telling.ts";

const ARRIVALS = { interfaces: ["eth0", "eth1"], addresses: ["10.77.0.1", "fd77::1"] };
const DADDR = { payload: { protocol: "ip", field: "daddr" } };
const DPORT = { payload: { protocol: "tcp", field: "dport" } };
const prefix = (addr: string, len: number) => ({ prefix: { addr, len } });
const network = (i: number) => prefix(`11.${i >> 12}.${(i >> 4) & 255}.${(i & 15) << 4}`, 28);

function listingOf(sets: Listing["sets"], ...expr: Statement[]): Listing {
  const owner = { family: "inet", table: "filter" };
  const chain = { ...owner, name: "input", hook: "input", type: "filter", policy: "accept" };
  const rule = { ...owner, chain: "input", handle: 1, expr };
  return { ...toListing([{ chain }, { rule }]), sets, arrivals: ARRIVALS };
}

const isIn = (left: unknown, right: string): Statement => ({ match: { op: "==", left, right } });

/**
 * Of the processor, which other work may hold meanwhile. A search for each port would take minutes.
 */
const MOST_MS = 10_000;
const PATIENCE_MS = 120_000;

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

test(
  "a set of 100,000 networks and 1,000 guarded ports are done with in seconds",
  () => {
    const began = processorMs();
    const many = Array.from({ length: 100_000 }, (_, i) => network(i));
    const own = { range: ["10.77.0.0", "10.77.0.5"] };
    const elements = narrowed("set", [...many, own], [DADDR], ARRIVALS);
    expect(elements).toEqual([own]);
    const sets = new Map([["inet filter big", elements]]);
    const listing = listingOf(sets, isIn(DADDR, "@big"), { drop: null });
    const guarded = [parsePortRange("3000-3999/tcp")!];
    const [finding] = checkForeignRules({ listing, guarded, textOf: () => "?" });
    expect(finding?.sentence).toStartWith("Another table drops 3000-3999/tcp over IPv4: ");
    expect(processorMs() - began).toBeLessThan(MOST_MS);
  },
  PATIENCE_MS,
);

test(
  "a set of 30,000 ports and 10,000 guarded ones are done with in seconds",
  () => {
    const began = processorMs();
    const sets = new Map([
      ["inet filter odd", Array.from({ length: 30_000 }, (_, i) => 2 * i + 1)],
    ]);
    const listing = listingOf(sets, isIn(DPORT, "@odd"), { drop: null });
    const guarded = [parsePortRange("20000-29999/tcp")!];
    const [finding] = checkForeignRules({ listing, guarded, textOf: () => "?" });
    expect(finding?.sentence).toStartWith("Another table drops 20001/tcp, 20003/tcp");
    expect(processorMs() - began).toBeLessThan(MOST_MS);
  },
  PATIENCE_MS,
);

test("narrowed() keeps what a packet to this machine may meet, whatever its port", () => {
  const both = {
    concat: [DADDR, { meta: { key: "l4proto" } }, { payload: { protocol: "th", field: "dport" } }],
  };
  const here = { concat: ["10.77.0.1", "tcp", { range: [1, 1_023] }] };
  const there = { concat: ["10.99.0.1", "tcp", 22] };
  expect(narrowed("set", [here, there], [both], ARRIVALS)).toEqual([here]);
  const map = [
    [here, { accept: null }],
    [there, { drop: null }],
    ["*", { drop: null }],
  ];
  expect(narrowed("map", map, [both], ARRIVALS)).toEqual([map[0], map[2]]);
  const timed = { elem: { val: prefix("10.77.0.0", 16), timeout: 60 } };
  expect(narrowed("set", [timed, prefix("10.78.0.0", 16)], [DADDR], ARRIVALS)).toEqual([timed]);
  // Two rules ask the same set: for one of them, the other element tells something.
  const iifname = { meta: { key: "iifname" } };
  expect(narrowed("set", ["eth*", "10.77.0.1", "lo"], [iifname, DADDR], ARRIVALS)).toEqual([
    "eth*",
    "10.77.0.1",
  ]);
});
