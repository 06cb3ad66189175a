/** The kernel's memory while no daemon ran: restored unchanged, and only our part. */

import { describe, expect, test } from "bun:test";
import { formatAddress, maskAddress, parseAddress } from "../../../src/core/address.ts";
import { grantId } from "../../../src/core/grant.ts";
import { formatPortRange, parsePort } from "../../../src/core/port.ts";
import { Ledger } from "../../../src/data-plane/ledger.ts";
import {
  rememberUses,
  restoreGrants,
  restoreUses,
} from "../../../src/data-plane/restore-from-kernel.ts";
import type { KernelGrant } from "../../../src/firewall/firewall.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import { Matcher } from "../../../src/match/matcher.ts";
import { useId } from "../../../src/rks/use-id.ts";
import { device, NOW, Recorder, SLOT } from "../../support/matcher.ts";
import { doorOf, HandClock } from "../../support/daemon.ts";

function element(address: string, port: string, more: Partial<KernelGrant> = {}): KernelGrant {
  return {
    kind: "plain",
    address: parseAddress(address)!,
    prefix6: 128,
    port: parsePort(port)!,
    remainingMs: 20_000,
    label: "ssh alice/laptop",
    ...more,
  };
}

const ALICES = { via: "rotating", user: "alice", device: "laptop" } as const;

function restored(elements: readonly KernelGrant[]) {
  const ledger = new Ledger();
  const clock = new HandClock();
  clock.setByMs = 7_200_000;
  restoreGrants(ledger, elements, clock);
  return ledger.list(clock.monotonicMs(), clock.wallMs());
}

describe("restoreGrants()", () => {
  test("makes one grant of the elements of an address, with the ports that they open", () => {
    const elements = ["8001/tcp", "53/udp", "22/tcp", "8000/tcp", "8003/tcp"].map((port) =>
      element("203.0.113.7", port),
    );
    const [grant, ...more] = restored(elements);
    expect(more).toEqual([]);
    // By now the door opens only 22/tcp; the ports open in the kernel count.
    expect(grant!.ports.map(formatPortRange)).toEqual([
      "22/tcp",
      "8000-8001/tcp",
      "8003/tcp",
      "53/udp",
    ]);
    expect(grant).toMatchObject({
      id: grantId("ssh", "203.0.113.7", ALICES),
      door: "ssh",
      via: "rotating",
      user: "alice",
      device: "laptop",
      expiresMs: NOW + 7_200_000 + 20_000,
    });
  });

  test("gives those that share a place in the order of their openings", () => {
    const holders = [
      ["phone", NOW - 1_000],
      ["tablet", NOW - 9_000],
      ["laptop", NOW - 5_000],
    ] as const;
    const elements = holders.map(([name, openedMs]) =>
      element("203.0.113.7", "22/tcp", { kind: "once", label: `ssh alice/${name}`, openedMs }),
    );
    const ledger = new Ledger();
    const clock = new HandClock();
    restoreGrants(ledger, elements, clock);
    const order = ledger.at("203.0.113.7", clock.monotonicMs()).map(({ grant }) => grant.device);
    expect(order).toEqual(["tablet", "laptop", "phone"]);
  });

  test.each([false, true])(
    "keeps the present terms of a grant whose daemon died while it changed them (old last: %s)",
    (oldLast) => {
      const now = element("203.0.113.7", "22/tcp", { kind: "once", remainingMs: 5_000 });
      const old = element("203.0.113.7", "22/tcp");
      const ledger = new Ledger();
      const clock = new HandClock();
      const { replaced } = restoreGrants(ledger, oldLast ? [now, old] : [old, now], clock, [
        doorOf({ name: "ssh", uses: "one" }),
      ]);
      const [grant, ...more] = ledger.list(clock.monotonicMs(), clock.wallMs());
      expect(more).toEqual([]);
      expect(grant).toMatchObject({ kind: "once", expiresMs: clock.wallMs() + 5_000 });
      expect(replaced).toMatchObject([{ id: grant!.id, kind: "plain" }]);
    },
  );

  test("gives the grant the longest life of its elements", () => {
    const lives = [5_000, 25_000, 15_000];
    const elements = lives.map((remainingMs, i) =>
      element("203.0.113.7", `${22 + i}/tcp`, { remainingMs }),
    );
    expect(restored(elements)[0]!.expiresMs - NOW - 7_200_000).toBe(25_000);
  });

  test("keeps addresses and doors apart, and grants of doors that are gone", () => {
    const grants = restored([
      element("203.0.113.7", "22/tcp"),
      element("203.0.113.8", "22/tcp", { label: "ssh by-hand" }),
      element("203.0.113.7", "8443/tcp", { label: "legacy by-sequence", kind: "fixed" }),
    ]);
    expect(grants.map(({ door, address, via }) => `${door} ${address} ${via}`)).toEqual([
      "ssh 203.0.113.7 rotating",
      "ssh 203.0.113.8 hand",
      "legacy 203.0.113.7 fixed",
    ]);
  });

  test("names a /64 as such, so that its id is the one a knock makes", () => {
    const address = formatAddress(maskAddress(parseAddress("2001:db8:0:7::1")!, 64));
    const [grant] = restored([element(address, "22/tcp", { prefix6: 64 })]);
    expect([grant!.address, grant!.id]).toEqual([
      "2001:db8:0:7::/64",
      grantId("ssh", "2001:db8:0:7::/64", ALICES),
    ]);
  });

  test("leaves elements alone that others added", () => {
    expect(restored([element("203.0.113.7", "22/tcp", { label: "" })])).toEqual([]);
    expect(restored([element("203.0.113.7", "22/tcp", { label: "by the boss" })])).toEqual([]);
  });
});

const ALICE = device("ssh alice laptop");
const BOB = device("ssh bob laptop");
const matcherOf = () => new Matcher({ rotating: [ALICE, BOB], fixed: [] }, new Recorder());
const usedSlots = (matcher: Matcher) =>
  [...matcher.usedSlots()].map(({ user, slot }) => [user, slot]);

describe("restoreUses()", () => {
  test.each([
    [-3, false], // forgotten by then, and never accepted again
    [-2, true],
    [-1, true],
    [0, true],
    [1, true],
    [2, false], // nobody can have used it yet
  ])("finds a use %p slots from now: %p", (offset, found) => {
    const matcher = matcherOf();
    restoreUses(matcher, [ALICE, BOB], [useId(ALICE.key, "ssh", SLOT + offset)], NOW);
    expect(usedSlots(matcher)).toEqual(found ? [["alice", SLOT + offset]] : []);
  });

  test("marks the latest slot of each key, and takes nothing from uses of other doors", () => {
    const matcher = matcherOf();
    const uses = [
      useId(ALICE.key, "ssh", SLOT - 1),
      useId(ALICE.key, "ssh", SLOT),
      useId(BOB.key, "ssh", SLOT - 1),
      useId(BOB.key, "web", SLOT + 1),
    ];
    const learnt = restoreUses(matcher, [ALICE, BOB], uses, NOW);
    expect(usedSlots(matcher)).toEqual([
      ["alice", SLOT],
      ["bob", SLOT - 1],
    ]);
    expect(learnt.map(({ user, slot }) => [user, slot])).toEqual(usedSlots(matcher));
    expect(restoreUses(matcher, [ALICE, BOB], uses.slice(1, 2), NOW)).toEqual([]);
  });
});

describe("rememberUses()", () => {
  test("tells the kernel again what it may have lost, for as long as it could be accepted", () => {
    let nowMs = 0;
    const firewall = new RecordingFirewall(() => nowMs);
    const matcher = matcherOf();
    matcher.markUsed({ door: "ssh", user: "alice", device: "laptop", stepSeconds: 30, slot: SLOT });
    matcher.markUsed({
      door: "ssh",
      user: "bob",
      device: "laptop",
      stepSeconds: 30,
      slot: SLOT - 3,
    });
    rememberUses(firewall, matcher, [ALICE, BOB], NOW);
    const known = () => firewall.uses().map((use) => use.toHex());
    expect(known()).toEqual([useId(ALICE.key, "ssh", SLOT).toHex()]);
    // 15 s left of its own slot, one slot of skew, and one more for a clock that is set back a little.
    nowMs = 15_000 + 2 * 30_000 - 1;
    expect(known()).toHaveLength(1);
    nowMs += 1;
    expect(known()).toEqual([]);
  });

  test("goes on where it stopped, and misses none when others age meanwhile", () => {
    const firewall = new RecordingFirewall();
    const subjects = Array.from({ length: 10 }, (_, i) => device(`ssh user${i} laptop`));
    const matcher = new Matcher({ rotating: subjects, fixed: [] }, new Recorder());
    for (const [i, { user }] of subjects.entries()) {
      // The first ones are of the earliest slot that still counts, and age after the first look.
      const slot = i < 3 ? SLOT - 2 : SLOT;
      matcher.markUsed({ door: "ssh", user, device: "laptop", stepSeconds: 30, slot });
    }
    let looks = 0;
    let nowMs = NOW;
    for (let after: number | undefined = 0; after !== undefined; looks++) {
      after = rememberUses(firewall, matcher, subjects, nowMs, { after, most: 2 });
      nowMs = NOW + 60_000;
    }
    const known = new Set(firewall.uses().map((use) => use.toHex()));
    const wanted = subjects.slice(3).map(({ key }) => useId(key, "ssh", SLOT).toHex());
    expect(wanted.filter((use) => !known.has(use))).toEqual([]);
    expect(looks).toBeGreaterThan(3);
  });

  test("brings back exactly what restoreUses() finds, and nothing of keys that are gone", () => {
    const firewall = new RecordingFirewall();
    const before = matcherOf();
    for (const user of ["alice", "bob"]) {
      before.markUsed({ door: "ssh", user, device: "laptop", stepSeconds: 30, slot: SLOT + 1 });
    }
    rememberUses(firewall, before, [BOB], NOW);
    const after = matcherOf();
    restoreUses(after, [ALICE, BOB], firewall.uses(), NOW);
    expect(usedSlots(after)).toEqual([["bob", SLOT + 1]]);
  });
});
