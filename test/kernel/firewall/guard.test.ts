/**
 * The guard as a whole: it shows the rules that were loaded, errors name the remedy, other tables
 * are left alone.
 */

import { afterAll, expect, test } from "bun:test";
import { array, assert, constantFrom, integer, property, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { parsePrefix } from "../../../src/core/address.ts";
import { ExitCode, OpError } from "../../../src/core/errors.ts";
import { guardLoaded, loadGuard, removeGuard, showGuard } from "../../../src/firewall/guard.ts";
import type { GuardedRange, GuardPlan } from "../../../src/firewall/guard-plan.ts";
import { mergeGuarded, mergePrefixes } from "../../../src/firewall/guard-plan.ts";
import { renderTable } from "../../../src/firewall/rule-set.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { planOf, ranges } from "../../support/firewall.ts";

const lab = new Lab();
const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);
afterAll(() => lab[Symbol.dispose]());

const PLANS: Record<string, GuardPlan> = {
  plain: planOf(),
  full: planOf({
    guarded: ranges("22/tcp", "8000-8010/tcp", "8005-8020/tcp", "51820/udp"),
    allow: ["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "fd00::/8", "fd77::1"].map((text) =>
      parsePrefix(text)!,
    ),
    idleMs: [600_000, 30_000, 600_000],
  }),
  silent: planOf({ deny: { ip: "drop", ip6: "drop" } }),
  mixed: planOf({ deny: { ip: "icmp host-prohibited", ip6: "drop" } }),
  apart: planOf({ deny: { ip: { tcp: "reset", udp: "drop" }, ip6: "icmpx admin-prohibited" } }),
  nothing: planOf({ guarded: [] }),
  "no echo": planOf({ echoDscp: false, flowLabels: true }),
  "no mending": planOf({ echoDscp: false, flowLabels: false }),
};

test.each(Object.keys(PLANS))("renderTable() shows what loadGuard() loads: %s", (name) => {
  // The rest of the questions to this kernel.
  const plan = { silentOptions: [19, 29], ...PLANS[name]! };
  here(() => {
    removeGuard();
    loadGuard(plan);
    const loaded = showGuard();
    loadGuard(plan);
    expect(showGuard()).toBe(loaded);
    removeGuard();
    const { ok, error } = runNft(renderTable(plan));
    expect(error).toBe("");
    expect(ok).toBe(true);
    // Sets are in order of creation in both; only the chains' order is nft's own.
    expect(showGuard()).toBe(loaded);
    removeGuard();
  });
});

/** Sorted: nft shows chains in the order of their creation, which means nothing. */
function chainsShown(): string[] {
  const chains = showGuard().matchAll(/^\tchain [^]*?^\t\}$/gm);
  return [...chains].map(([chain]) => chain).toSorted();
}

test("loadGuard() takes the chains away that a new plan does not need, whatever the order", () => {
  here(() => {
    removeGuard();
    // The hook of earlier versions, which a chain of the same name still jumps from.
    runNft(`add table inet sallyport
      add chain inet sallyport labels
      add chain inet sallyport answer { type filter hook output priority -150; }
      add rule inet sallyport answer jump labels`);
    for (const from of Object.values(PLANS)) {
      for (const to of Object.values(PLANS)) {
        loadGuard(from);
        loadGuard(to);
        const chains = chainsShown();
        removeGuard();
        loadGuard(to);
        expect(chains).toEqual(chainsShown());
      }
    }
    removeGuard();
  });
}, 30_000);

test("loadGuard() guards without the echo where the kernel refuses that", () => {
  here(() => {
    removeGuard();
    // A chain of this name on another hook: the kernel refuses to move it, and with it the echo.
    runNft(`add table inet sallyport
      add chain inet sallyport mend { type filter hook forward priority 0; }`);
    loadGuard(planOf({ flowLabels: false }));
    expect(guardLoaded()).toBe(true);
    expect(showGuard()).toContain("reject with tcp reset");
    expect(showGuard()).not.toContain("ct mark");
    loadGuard(planOf({ flowLabels: false }));
    expect(showGuard()).toContain("ct mark");
    removeGuard();
  });
});

/** Refuses the first transactions with these errors, as nft reports those of the kernel. */
function refusing(errors: readonly string[]): { run: typeof runNft; tried: () => number } {
  let tried = 0;
  const run: typeof runNft = (commands, options) => {
    const error = errors[tried++];
    if (error === undefined) return runNft(commands, options);
    return { ok: false, output: "", error: `netlink: Error: Could not process rule: ${error}\n` };
  };
  return { run, tried: () => tried };
}

const PASSING = [
  "Cannot allocate memory",
  "No buffer space available",
  "Resource temporarily unavailable",
  "Device or resource busy",
] as const;

test.each([...PASSING, "Operation not supported", "Invalid argument"])(
  "loadGuard() gives up no part for one refusal that passes: %s",
  (error) => {
    here(() => {
      removeGuard();
      loadGuard(planOf());
      const whole = showGuard();
      removeGuard();
      loadGuard(planOf(), refusing([error]).run);
      expect(showGuard()).toBe(whole);
      removeGuard();
    });
  },
);

test.each(PASSING)("loadGuard() throws, and keeps the guard, where one lasts: %s", (error) => {
  here(() => {
    removeGuard();
    loadGuard(planOf());
    const before = showGuard();
    const { run, tried } = refusing([error, error]);
    expect(() => loadGuard(planOf({ guarded: ranges("2223/tcp") }), run)).toThrow(error);
    expect(tried()).toBe(2);
    expect(showGuard()).toBe(before);
    removeGuard();
  });
});

test("loadGuard() throws where a later one of its transactions is refused", () => {
  here(() => {
    removeGuard();
    loadGuard(planOf({ guarded: ranges("2000-2500/tcp") }));
    const lacks = "Cannot allocate memory";
    let tried = 0;
    const run: typeof runNft = (commands, options) =>
      tried++ === 0 ? runNft(commands, options) : refusing([lacks]).run(commands);
    expect(() => loadGuard(planOf(), run)).toThrow(lacks);
    expect(showGuard()).toContain("guarded_meanwhile");
    loadGuard(planOf());
    expect(showGuard()).not.toContain("guarded_meanwhile");
    removeGuard();
  });
});

test("loadGuard() leaves out nothing but what asks for sockets where the kernel lacks nft_socket", () => {
  here(() => {
    removeGuard();
    loadGuard(planOf());
    const whole = showGuard();
    removeGuard();
    const missing = "netlink: Error: Could not process rule: No such file or directory\n";
    loadGuard(planOf(), (commands, options) =>
      commands.includes("socket transparent")
        ? { ok: false, output: "", error: missing }
        : runNft(commands, options),
    );
    expect(showGuard()).toBe(whole.replace(/^.*socket transparent.*\n/m, ""));
    removeGuard();
  });
});

test("loadGuard() leaves every other table alone, and so does removeGuard()", () => {
  here(() => {
    runNft(
      "add table ip other; add chain ip other c { type filter hook input priority 0; policy accept; }; add rule ip other c tcp dport 9 counter drop",
    );
    const before = runNft("list table ip other").output;
    loadGuard(PLANS["full"]!);
    removeGuard();
    expect(runNft("list ruleset").output).toBe(before);
    runNft("delete table ip other");
  });
});

test("loadGuard() changes nothing when a part of the plan is refused", () => {
  here(() => {
    loadGuard(planOf());
    const before = showGuard();
    const broken = planOf({ guarded: [{ proto: "tcp", from: 1, to: 70_000 }] });
    expect(() => loadGuard(broken)).toThrow(OpError);
    expect(showGuard()).toBe(before);
    removeGuard();
  });
});

test("guardLoaded() is false without the table, and when the hook's rules are gone", () => {
  here(() => {
    expect(guardLoaded()).toBe(false);
    loadGuard(planOf());
    expect(guardLoaded()).toBe(true);
    runNft("flush chain inet sallyport gate");
    expect(guardLoaded()).toBe(false);
    removeGuard();
    removeGuard();
    expect(() => showGuard()).toThrow(
      /Cannot show table inet sallyport: No such file or directory.*sallyport serve/,
    );
  });
});

test("loadGuard() ends guarding by itself where the plan gives a time", async () => {
  await Promise.resolve();
  here(() =>
    loadGuard(planOf({ guarded: [{ proto: "tcp", from: 2222, to: 2222, forMs: 1_000 }] })),
  );
  expect(here(showGuard)).toContain("tcp . 2222 timeout 1s");
  await Bun.sleep(1_200);
  expect(here(showGuard)).not.toContain("tcp . 2222");
  here(removeGuard);
});

test("loadGuard() without the privilege exits with 77 and says which capability", () => {
  const script = `
    const { loadGuard } = await import("${import.meta.dir}/../../../src/firewall/guard.ts");
    const { KernelGrants } = await import("${import.meta.dir}/../../../src/firewall/grants.ts");
    for (const fn of [() => loadGuard({ guarded: [], allow: [], deny: { ip: "drop", ip6: "drop" }, idleMs: [] }),
      () => KernelGrants.open().remember([{ id: new Uint8Array(16), forMs: 1000 }])]) {
      try { fn(); console.log("loaded"); } catch (error) { console.log(error.exitCode, error.message); }
    }`;
  const { out } = lab.run("server", [
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-all",
    process.execPath,
    "-e",
    script,
  ]);
  const [guard, grants] = out.trim().split("\n");
  expect(guard).toMatch(new RegExp(`^${ExitCode.privilege} Cannot .*CAP_NET_ADMIN$`));
  expect(grants).toMatch(new RegExp(`^${ExitCode.privilege} Cannot .*CAP_NET_ADMIN$`));
});

const port = integer({ min: 1, max: 40 });
const range: Arbitrary<GuardedRange> = record({
  proto: constantFrom("tcp" as const, "udp" as const),
  a: port,
  b: port,
  forMs: constantFrom(undefined, 1_000, 2_000),
}).map(({ proto, a, b, forMs }) => {
  const ends = { proto, from: Math.min(a, b), to: Math.max(a, b) };
  return forMs === undefined ? ends : Object.assign(ends, { forMs });
});

/** How long each port is guarded, computed in the obvious way. */
function lives(list: readonly GuardedRange[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { proto, from, to, forMs = Infinity } of list) {
    for (let i = from; i <= to; i++) {
      found.set(`${proto} ${i}`, Math.max(forMs, found.get(`${proto} ${i}`) ?? 0));
    }
  }
  return found;
}

test("mergeGuarded() guards the same ports for the same times, without overlap", () => {
  assert(
    property(array(range, { maxLength: 8 }), (list) => {
      const merged = mergeGuarded(list);
      expect(lives(merged)).toEqual(lives(list));
      const ports = merged.flatMap(({ proto, from, to }) =>
        Array.from({ length: to - from + 1 }, (_, i) => `${proto} ${from + i}`),
      );
      expect(new Set(ports).size).toBe(ports.length);
    }),
  );
});

test("mergePrefixes() leaves out networks inside others, and other families", () => {
  const prefixes = [
    "10.1.0.0/16",
    "10.0.0.0/8",
    "10.0.0.0/8",
    "11.0.0.0/8",
    "::/0",
    "fd00::/8",
  ].map((text) => parsePrefix(text)!);
  expect(mergePrefixes(prefixes, 4).map(({ address }) => address.a0 >>> 24)).toEqual([10, 11]);
  expect(mergePrefixes(prefixes, 6)).toHaveLength(1);
});
