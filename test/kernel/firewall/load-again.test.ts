/**
 * A guard that is loaded while another one stands. In the moment of a transaction that takes out an
 * element and puts it back, kernels before 6.17 find neither, and a packet passes by the guard. On
 * Linux 6.1, flooded with SYNs, 31 got in during 39 loads, and none while the elements stayed. This
 * kernel may be younger, so the commands are tested.
 */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { parsePrefix } from "../../../src/core/address.ts";
import { loadGuard, lookAtSets, removeGuard } from "../../../src/firewall/guard.ts";
import type { GuardPlan } from "../../../src/firewall/guard-plan.ts";
import { renderLoad } from "../../../src/firewall/rule-set.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { planOf, ranges } from "../../support/firewall.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";

const lab = new Lab();
const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);
afterAll(() => lab[Symbol.dispose]());

const PLAN = planOf({
  guarded: ranges("22/tcp", "8000-8010/tcp", "53/udp"),
  allow: ["10.0.0.0/8", "192.0.2.1", "fd00::/8"].map((text) => parsePrefix(text)!),
});

/** The lists that a load of this plan empties first. */
function emptied(plan: GuardPlan): string[] {
  const commands = here(() => renderLoad(plan, lookAtSets(plan)));
  return Array.from(commands.matchAll(/flush set inet sallyport (\w+)/g), ([, name]) => name!);
}

function elementsOf(list: string): string[] {
  const { output } = here(() => runNft(`list set inet sallyport ${list}`));
  const listed = /elements = \{([^}]*)\}/.exec(output)?.[1]?.split(",") ?? [];
  return listed.map((element) => element.trim()).toSorted();
}

beforeEach(() =>
  here(() => {
    removeGuard();
    loadGuard(PLAN);
  }),
);

test("loadGuard() empties no list that holds nothing but elements of the plan", () => {
  expect(emptied(PLAN)).toEqual([]);
  expect(emptied({ ...PLAN, guarded: [...PLAN.guarded, ...ranges("80/tcp")] })).toEqual([]);
});

test("loadGuard() takes others out of a list one by one", () => {
  const less = { ...PLAN, guarded: ranges("22/tcp", "80/tcp"), allow: PLAN.allow.slice(1) };
  expect(emptied(less)).toEqual([]);
  here(() => loadGuard(less));
  expect(elementsOf("guarded")).toEqual(["tcp . 22", "tcp . 80"]);
  expect(elementsOf("allow4")).toEqual(["192.0.2.1"]);
  expect(elementsOf("allow6")).toEqual(["fd00::/8"]);
});

test("loadGuard() takes a narrower range for a wider one, and back", () => {
  for (const range of ["8005/tcp", "7000-9000/tcp", "8000-8010/tcp"]) {
    here(() => loadGuard({ ...PLAN, guarded: ranges(range) }));
    const [ports, proto] = range.split("/");
    expect(elementsOf("guarded")).toEqual([`${proto} . ${ports}`]);
  }
});

test("loadGuard() empties a list where elements end by themselves", () => {
  const ending = PLAN.guarded.map((range) => ({ ...range, forMs: 60_000 }));
  expect(emptied({ ...PLAN, guarded: ending })).toEqual(["guarded"]);
  here(() => loadGuard({ ...PLAN, guarded: ending }));
  expect(emptied(PLAN)).toEqual(["guarded"]);
  here(() => loadGuard(PLAN));
  expect(elementsOf("guarded").join()).not.toContain("timeout");
});

test("loadGuard() puts back what somebody took out of a list", () => {
  here(() => {
    runNft("delete element inet sallyport guarded { tcp . 22 }");
    loadGuard(PLAN);
    expect(runNft("list set inet sallyport guarded").output).toContain("tcp . 22");
  });
});
