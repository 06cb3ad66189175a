/** Close commands owed: each is claimed once, settled once, and survives whoever owed it. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { writeFileSync } from "node:fs";
import { type Debt, OwedCommands } from "../../src/store/owed.ts";
import { NOW, StateFolder } from "./support.ts";

const debtOf = (grant: string, more: Partial<Debt> = {}): Debt => ({
  grant,
  door: "lights",
  address: "203.0.113.7",
  argv: ["/usr/local/bin/lights", "off", "203.0.113.7 ; reboot"],
  privileged: false,
  endsMs: NOW + 30_000,
  ...more,
});

const openOwed = (folder: StateFolder) =>
  new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });

test("OwedCommands.claim() hands a debt to one caller", () => {
  using folder = new StateFolder();
  const owed = openOwed(folder);
  owed.owe(debtOf("a"));
  expect(owed.claim("a")).toEqual({ ...debtOf("a"), number: 1, again: false });
  expect(owed.claim("a")).toBeUndefined();
  expect(owed.claim("never owed")).toBeUndefined();
  owed.close();
});

test("OwedCommands.owe() enters a renewed grant once, and the next opening anew", () => {
  using folder = new StateFolder();
  const owed = openOwed(folder);
  owed.owe(debtOf("a"));
  owed.owe(debtOf("a", { endsMs: NOW + 60_000 }));
  const first = owed.claim("a")!;
  expect(owed.claim("a")).toBeUndefined();
  // Opened again while the close command of the first opening is still to start.
  owed.owe(debtOf("a"));
  const second = owed.claim("a")!;
  expect(second.number).not.toBe(first.number);
  owed.settle(first.number);
  owed.settle(second.number);
  owed.close();
  expect(openOwed(folder).pending()).toEqual([]);
});

test("OwedCommands gives the next daemon what is owed, word for word", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  first.owe(debtOf("b"));
  first.owe(debtOf("a"));
  first.close();
  const second = openOwed(folder);
  expect(second.pending()).toEqual([debtOf("b"), debtOf("a")]);
  expect(second.claim("b")).toEqual({ ...debtOf("b"), number: 1, again: false });
  second.close();
});

test("OwedCommands owes a claim again whose claimant died before the command started", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  first.owe(debtOf("started"));
  first.owe(debtOf("claimed"));
  first.settle(first.claim("started")!.number);
  first.claim("claimed");
  first.close();
  const second = openOwed(folder);
  expect(second.pending().map(({ grant }) => grant)).toEqual(["claimed"]);
  expect(second.claim("claimed")?.again).toBe(true);
  second.close();
});

test("OwedCommands lets the close of a later opening cover a claim that died", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  first.owe(debtOf("a"));
  first.claim("a");
  first.owe(debtOf("a"));
  first.close();
  const second = openOwed(folder);
  expect(second.pending()).toHaveLength(1);
  const claim = second.claim("a")!;
  expect(claim.again).toBe(false);
  expect(second.claim("a")).toBeUndefined();
  second.settle(claim.number);
  second.close();
  expect(openOwed(folder).pending()).toEqual([]);
});

test("OwedCommands runs every debt exactly once over any restarts that lose no claim", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("owe" as const), grant: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constant("end" as const), grant: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constant("restart" as const), grant: fc.constant("") }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      using folder = new StateFolder();
      const runs = new Map<string, number>();
      const due = new Map<string, number>();
      const open = new Set<string>();
      let owed = openOwed(folder);
      for (const { do: what, grant } of steps) {
        if (what === "restart") {
          owed.close();
          owed = openOwed(folder);
        } else if (what === "owe") {
          owed.owe(debtOf(grant));
          open.add(grant);
        } else {
          if (open.delete(grant)) due.set(grant, (due.get(grant) ?? 0) + 1);
          // The timer and the event may both come.
          for (const claim of [owed.claim(grant), owed.claim(grant)]) {
            if (claim === undefined) continue;
            runs.set(grant, (runs.get(grant) ?? 0) + 1);
            owed.settle(claim.number);
          }
        }
        expect(
          owed
            .pending()
            .map((debt) => debt.grant)
            .sort(),
        ).toEqual([...open].sort());
      }
      owed.close();
      expect(runs).toEqual(due);
    }),
    { numRuns: 40 },
  );
}, 60_000);

test("OwedCommands puts a damaged file aside and goes on", () => {
  using folder = new StateFolder();
  writeFileSync(folder.file("owed.db"), "garbage".repeat(1_000));
  const owed = openOwed(folder);
  expect(owed.pending()).toEqual([]);
  owed.owe(debtOf("a"));
  owed.close();
  expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
  expect(openOwed(folder).pending()).toEqual([debtOf("a")]);
});
