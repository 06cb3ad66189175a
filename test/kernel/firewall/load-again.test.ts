/**
 * A guard that is loaded while another one stands. In the moment of a transaction that takes out an
 * element and puts it back, kernels before 6.17 find neither, and a packet passes by the guard. On
 * Linux 6.1, flooded with SYNs, 31 got in during 39 loads, and none while the elements stayed. This
 * kernel may be younger, so the commands are tested.
 */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { parsePrefix } from "../../../src/core/address.ts";
import {
  guardRemembers,
  loadGuard,
  lookAtSets,
  removeGuard,
  showGuard,
} from "../../../src/firewall/guard.ts";
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
  silentOptions: [19], // those that this kernel would be asked for
  allow: ["10.0.0.0/8", "192.0.2.1", "fd00::/8"].map((text) => parsePrefix(text)!),
});

/** The transactions of a load of this plan. */
const loadOf = (plan: GuardPlan): string[] => here(() => renderLoad(plan, lookAtSets(plan)));

/** The lists of guarded ports that `gate` looks up. */
function listsOfGate(): string[] {
  const { output } = here(() => runNft("list chain inet sallyport gate"));
  return Array.from(output.matchAll(/th dport @(\w+) jump guard/g), ([, name]) => name!);
}

/** "tcp 8000" and the like, of every port in these lists. */
function portsIn(lists: readonly string[]): string[] {
  return lists.flatMap(elementsOf).flatMap((element) => {
    const [, proto, from, to = from] = /^(\w+) \. (\d+)(?:-(\d+))?/.exec(element)!;
    return Array.from(
      { length: Number(to) - Number(from) + 1 },
      (_, i) => `${proto} ${+from! + i}`,
    );
  });
}

function elementsOf(list: string): string[] {
  const { output } = here(() => runNft(`list set inet sallyport ${list}`));
  const listed = /elements = \{([^}]*)\}/.exec(output)?.[1]?.split(",") ?? [];
  return listed.map((element) => element.trim()).toSorted();
}

/** The guard without the rests of lives, and with its guarded ports in an order. */
function withoutLives(): string[] {
  const elements = elementsOf("guarded").map((element) => element.replace(/ expires .*/, ""));
  return [...elements, here(showGuard).replace(/elements = \{[^}]*tcp[^}]*\}/, "")];
}

beforeEach(() =>
  here(() => {
    removeGuard();
    loadGuard(PLAN);
  }),
);

test("a list that holds nothing but elements of the plan loses none, in one transaction", () => {
  const more = { ...PLAN, guarded: [...PLAN.guarded, ...ranges("80/tcp")] };
  for (const plan of [PLAN, more]) {
    const load = loadOf(plan);
    expect(load).toHaveLength(1);
    expect(load[0]).not.toMatch(/flush set|delete element/);
  }
});

test("loadGuard() takes others out of a list", () => {
  const less = { ...PLAN, guarded: ranges("22/tcp", "80/tcp"), allow: PLAN.allow.slice(1) };
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

const ENDING = { ...PLAN, guarded: PLAN.guarded.map((range) => ({ ...range, forMs: 60_000 })) };
const NARROWER = { ...PLAN, guarded: ranges("22/tcp", "8003-8005/tcp", "53/udp") };
const ALWAYS = ["tcp 22", "tcp 8003", "tcp 8004", "tcp 8005", "udp 53"];

test.each([
  ["a guard that begins to end by itself", PLAN, ENDING],
  ["one whose time is set anew", ENDING, ENDING],
  ["one that is confirmed", ENDING, PLAN],
  ["a range that gets narrower", PLAN, NARROWER],
  ["a range that gets wider", NARROWER, PLAN],
])("%s: a list that guards is never touched", (_, from, to) => {
  here(() => loadGuard(from));
  const load = loadOf(to);
  expect(load).toHaveLength(3);
  for (const commands of load) {
    const touched = Array.from(commands.matchAll(/(?:flush|delete) \w+ inet sallyport (\w+)/g));
    const names = new Set(touched.map(([, name]) => name!));
    const untouched = listsOfGate().filter((list) => !names.has(list));
    expect(portsIn(untouched)).toEqual(expect.arrayContaining(ALWAYS));
    expect(here(() => runNft(commands)).error).toBe("");
    expect(portsIn(listsOfGate())).toEqual(expect.arrayContaining(ALWAYS));
  }
  expect(listsOfGate()).toEqual(["guarded"]);
  const after = withoutLives();
  here(() => {
    removeGuard();
    loadGuard(to);
  });
  expect(after).toEqual(withoutLives());
});

test.each([1, 2])(
  "a load that ended after %d of 3 transactions is finished by the next",
  (done) => {
    for (const commands of loadOf(ENDING).slice(0, done)) here(() => runNft(commands));
    expect(listsOfGate()).toEqual(["guarded", "guarded_meanwhile"]);
    here(() => loadGuard(PLAN));
    expect(listsOfGate()).toEqual(["guarded"]);
    expect(here(showGuard)).not.toMatch(/meanwhile|timeout 1m/);
  },
);

test("loadGuard() leaves the sign that uses may be forgotten to whoever knows them", () => {
  const remembers = (plan: GuardPlan) =>
    here(() => {
      loadGuard(plan);
      return guardRemembers();
    });
  expect(remembers({ ...PLAN, doubtMs: 60_000 })).toBe(false);
  expect(remembers(PLAN)).toBe(false);
  expect(remembers({ ...PLAN, guarded: ranges("22/tcp") })).toBe(false);
  expect(remembers({ ...PLAN, doubtMs: 0 })).toBe(true);
});

test("loadGuard() puts back what somebody took out of a list", () => {
  here(() => {
    runNft("delete element inet sallyport guarded { tcp . 22 }");
    loadGuard(PLAN);
    expect(runNft("list set inet sallyport guarded").output).toContain("tcp . 22");
  });
});

test.each([
  ["fixed4", "fixed", "192.0.2.9 . tcp . 22 timeout 1h"],
  ["one6", "once", "2001:db8::9 . tcp . 22 timeout 1h"],
  ["claim4", "once", "192.0.2.9 . 192.0.2.1 . tcp . 40000 . 22"],
] as const)(
  "a grant in %s keeps its rules though no door gives such any more",
  (set, kind, element) => {
    const table = () => here(showGuard).replaceAll(/set \w+ \{[^}]*\}/g, "");
    here(() => loadGuard({ ...PLAN, kinds: ["plain"] }));
    expect(table()).not.toContain(`@${set}`);
    here(() => {
      loadGuard({ ...PLAN, kinds: ["plain", kind] });
      expect(runNft(`add element inet sallyport ${set} { ${element} }`).error).toBe("");
      loadGuard({ ...PLAN, kinds: ["plain"] });
    });
    expect(table()).toContain(`@${set}`);
    here(() => {
      runNft(`flush set inet sallyport ${set}`);
      loadGuard({ ...PLAN, kinds: ["plain"] });
    });
    expect(table()).not.toContain(`@${set}`);
    expect(table()).not.toMatch(/chain (claim|renew) /);
  },
);
