/**
 * Close commands owed: each is claimed once, settled once, and survives the process that owed it.
 */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { renameSync, writeFileSync } from "node:fs";
import { type Debt, OwedCommands } from "../../../src/store/owed.ts";
import { NOW, StateFolder } from "../../support/store.ts";

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

test("OwedCommands.end() hands a debt to one caller", () => {
  using folder = new StateFolder();
  const owed = openOwed(folder);
  owed.owe(debtOf("a"));
  expect(owed.end("a")).toEqual({ ...debtOf("a"), number: 1, again: false });
  expect(owed.end("a")).toBeUndefined();
  expect(owed.end("never owed")).toBeUndefined();
  owed.close();
});

test("OwedCommands.owe() enters a renewed grant once, and the next opening anew", () => {
  using folder = new StateFolder();
  const owed = openOwed(folder);
  owed.owe(debtOf("a"));
  owed.owe(debtOf("a", { endsMs: NOW + 60_000 }));
  const first = owed.end("a")!;
  expect(owed.end("a")).toBeUndefined();
  // Opened again while the close command of the first opening is still to start.
  owed.owe(debtOf("a"));
  const second = owed.end("a")!;
  expect(second.number).not.toBe(first.number);
  expect(owed.dueCount).toBe(2);
  owed.settle(first.number);
  owed.settle(second.number);
  expect(owed.dueCount).toBe(0);
  owed.close();
  expect(openOwed(folder).living()).toEqual([]);
});

test("OwedCommands gives the next daemon what is owed, word for word", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  first.owe(debtOf("b"));
  first.owe(debtOf("a"));
  first.close();
  const second = openOwed(folder);
  expect(second.living()).toEqual([debtOf("b"), debtOf("a")]);
  expect(second.due()).toEqual([]);
  expect(second.end("b")).toEqual({ ...debtOf("b"), number: 1, again: false });
  second.close();
});

test("OwedCommands.due() is what a daemon did not come to; only what it was starting may have run", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  for (const grant of ["started", "starting", "postponed", "waiting"]) first.owe(debtOf(grant));
  const number = (grant: string) => first.end(grant)!.number;
  const started = number("started");
  first.begin(started);
  first.settle(started);
  first.begin(number("starting"));
  const postponed = number("postponed");
  first.begin(postponed);
  first.postpone(postponed);
  number("waiting");
  first.close();
  const second = openOwed(folder);
  expect(second.living()).toEqual([]);
  expect(second.due().map(({ grant, again }) => [grant, again])).toEqual([
    ["starting", true],
    ["postponed", false],
    ["waiting", false],
  ]);
  expect(second.dueCount).toBe(3);
  second.close();
});

test("OwedCommands keeps what was not come to beside the debt of a later opening", () => {
  using folder = new StateFolder();
  const first = openOwed(folder);
  first.owe(debtOf("a"));
  first.begin(first.end("a")!.number);
  first.owe(debtOf("a"));
  first.close();
  const second = openOwed(folder);
  expect(second.living()).toHaveLength(1);
  expect(second.due()).toMatchObject([{ grant: "a", again: true }]);
  const claim = second.end("a")!;
  expect(claim.again).toBe(false);
  expect(second.end("a")).toBeUndefined();
  for (const { number } of second.due()) second.settle(number);
  second.close();
  const third = openOwed(folder);
  expect([third.living(), third.due()]).toEqual([[], []]);
});

/** Ends of two grants in the other order than their openings, which few random cases have. */
const ENDED_IN_REVERSE = [
  { do: "owe", grant: "c" },
  { do: "owe", grant: "b" },
  { do: "end", grant: "b" },
  { do: "end", grant: "c" },
  { do: "restart", grant: "a" },
] as const;

test("OwedCommands runs every debt exactly once over any restarts", () => {
  const step = fc.record({
    do: fc.constantFrom("owe" as const, "end" as const, "run" as const, "restart" as const),
    grant: fc.constantFrom("a", "b", "c"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      using folder = new StateFolder();
      const runs: number[] = [];
      const ended: number[] = [];
      const open = new Set<string>();
      /** Ended but not run, with their grants: the queue of a daemon. */
      let queue: { number: number; grant: string }[] = [];
      let owed = openOwed(folder);
      for (const { do: what, grant } of steps) {
        if (what === "restart") {
          owed.close();
          owed = openOwed(folder);
          // The next daemon takes them over oldest first, in whatever order their grants ended.
          queue = queue.toSorted((one, other) => one.number - other.number);
          expect(owed.due().map(({ number }) => number)).toEqual(queue.map(({ number }) => number));
        } else if (what === "owe") {
          owed.owe(debtOf(grant));
          open.add(grant);
        } else if (what === "run") {
          const next = queue.shift();
          if (next === undefined) continue;
          owed.begin(next.number);
          runs.push(next.number);
          owed.settle(next.number);
        } else {
          // The timer and the event may both come.
          const claims = [owed.end(grant), owed.end(grant)].filter((one) => one !== undefined);
          expect(claims).toHaveLength(open.delete(grant) ? 1 : 0);
          queue.push(...claims);
          ended.push(...claims.map(({ number }) => number));
        }
        expect(owed.dueCount).toBe(queue.length);
        expect(new Set(owed.living().map((debt) => debt.grant))).toEqual(open);
      }
      owed.close();
      const all = [...runs, ...queue.map(({ number }) => number)];
      expect(all.toSorted((a, b) => a - b)).toEqual(ended.toSorted((a, b) => a - b));
    }),
    { numRuns: 60, examples: [[[...ENDED_IN_REVERSE]]] },
  );
}, 60_000);

test("OwedCommands puts a damaged file aside and goes on", () => {
  using folder = new StateFolder();
  writeFileSync(folder.file("owed.db"), "garbage".repeat(1_000));
  const owed = openOwed(folder);
  expect(owed.living()).toEqual([]);
  owed.owe(debtOf("a"));
  owed.close();
  expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
  expect(openOwed(folder).living()).toEqual([debtOf("a")]);
});

test.each(["retry", "close"] as const)(
  "OwedCommands.%s() writes what the disk did not take",
  (how) => {
    using folder = new StateFolder();
    const owed = openOwed(folder);
    owed.owe(debtOf("a"));
    owed.owe(debtOf("b"));
    const { number } = owed.end("a")!;
    owed.begin(number);
    const away = `${folder.path}.away`;
    renameSync(folder.path, away);
    owed.settle(number);
    expect(folder.notices.map(({ state }) => state)).toEqual(["failing"]);
    renameSync(away, folder.path);
    owed[how]();
    expect(folder.notices.map(({ state }) => state)).toEqual(["failing", "working"]);
    if (how === "retry") owed.close();
    const next = openOwed(folder);
    expect([next.due(), next.living()]).toEqual([[], [debtOf("b")]]);
    next.close();
  },
);
