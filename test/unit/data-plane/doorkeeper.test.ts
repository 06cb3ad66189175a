/**
 * The doorkeeper on a firewall that only remembers: openings, renewals, refusals and events of
 * matches.
 */

import { describe, expect, test } from "bun:test";
import type { Door } from "../../../src/config/settings.ts";
import { formatAddress, parseAddress } from "../../../src/core/address.ts";
import { Counters } from "../../../src/core/counters.ts";
import { OpError } from "../../../src/core/errors.ts";
import type { DaemonEvent } from "../../../src/core/events.ts";
import { grantId } from "../../../src/core/grant.ts";
import { Doorkeeper } from "../../../src/data-plane/doorkeeper.ts";
import { auditGrants } from "../../../src/control-plane/guard/grant-audit.ts";
import { Ledger } from "../../../src/data-plane/ledger.ts";
import type { Request } from "../../../src/data-plane/messages.ts";
import type { CloseRequest, GrantRequest } from "../../../src/firewall/firewall.ts";
import { SET_SIZE } from "../../../src/firewall/sets.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import type { FixedMatch } from "../../../src/match/subject.ts";
import { device, SLOT } from "../../support/matcher.ts";
import { doorOf, fixedDoorOf, HandClock, matchOf } from "../../support/daemon.ts";

const ALICE = device("ssh alice laptop");
const ALICES = { via: "rotating", user: "alice", device: "laptop" } as const;
const HOME = "203.0.113.7";
const IDLE = doorOf({ idleCloseMs: 10_000, maxOpenMs: 60_000 });

/** A recorder that fails with `refusal`, when set. */
class RefusingFirewall extends RecordingFirewall {
  refusal: OpError | undefined;

  override open(request: GrantRequest): "opened" | "used" {
    if (this.refusal !== undefined) throw this.refusal;
    return super.open(request);
  }

  override close(request: CloseRequest): void {
    if (this.refusal !== undefined) throw this.refusal;
    super.close(request);
  }
}

function refusal(code: number): OpError {
  const object = "a grant";
  return new OpError({ operation: "add", object, detail: "no", code, remedy: "wait" });
}

/** The kernel lost each of its answers. */
function unheard(): OpError {
  return Object.assign(refusal(105), { mayHaveHappened: true });
}

function stage(...doors: readonly Door[]) {
  const clock = new HandClock();
  const firewall = new RefusingFirewall(() => clock.monotonicMs());
  const ledger = new Ledger();
  const counters = new Counters();
  const events: DaemonEvent[] = [];
  const emit = (event: DaemonEvent) => void events.push(event);
  const keeper = new Doorkeeper(doors, { firewall, ledger, counters, clock, emit });
  return {
    clock,
    firewall,
    ledger,
    counters,
    events,
    keeper,
    /** A rotating knock of alice's. */
    knock: (source = HOME, slot = SLOT) =>
      keeper.rotating(matchOf(ALICE, slot, source, clock.wallMs())),
    /** The fixed knock of the door "legacy". */
    fixed: (source = HOME, action: "open" | "close" = "open") =>
      keeper.fixed(fixedMatch(source, action, clock.wallMs())),
    types: () => events.map(({ type }) => type),
    /** Like the control plane, which knows the grants from events. */
    audit: () =>
      auditGrants({
        grants: () => ledger.list(clock.monotonicMs(), clock.wallMs()),
        doors: () => doors,
        list: () => firewall.list(),
        ask: (request: Request) =>
          Promise.resolve(
            (request.type === "repair-grants" ? keeper.repairGrants(request.ids) : {}) as never,
          ),
      }),
  };
}

function fixedMatch(source: string, action: "open" | "close", timeMs: number): FixedMatch {
  const door = fixedDoorOf();
  const sequence = action === "open" ? door.fixed! : door.closing!;
  const subject = { door: door.name, action, sequence };
  return { kind: "fixed", subject, source: parseAddress(source)!, timeMs };
}

test("a grant tells its times in whole milliseconds, though the daemon's clock has parts of them", () => {
  const { clock, keeper, knock, ledger, events } = stage(doorOf());
  clock.nowMs += 0.3;
  knock();
  clock.nowMs += 0.45;
  const listed = [
    ...ledger.list(clock.monotonicMs(), clock.wallMs()),
    ...keeper.grantsOf(parseAddress(HOME)!),
    ...events.flatMap((event) => (event.type === "grant.opened" ? [event.grant] : [])),
  ];
  expect(listed).toHaveLength(3);
  for (const { openedMs, expiresMs } of listed) {
    expect([openedMs, expiresMs].every(Number.isInteger)).toBe(true);
  }
});

describe("Doorkeeper.rotating()", () => {
  test("opens the door's ports and spends the use for as long as its slot could be accepted", () => {
    const { knock, firewall, events } = stage(doorOf());
    expect(knock()).toBe("spent");
    expect(firewall.opened).toMatchObject([
      { kind: "plain", openMs: 30_000, prefix6: 128, label: "ssh alice/laptop" },
    ]);
    expect(firewall.opened[0]!.use!.forMs).toBe(4 * 30_000);
    expect(events).toMatchObject([
      {
        type: "grant.opened",
        renewed: false,
        source: HOME,
        used: { slot: SLOT, stepSeconds: 30 },
        latencyMs: 0,
      },
    ]);
  });

  test("tells a repeat when the kernel knows the use, and opens nothing", () => {
    const { knock, firewall, types, ledger } = stage(doorOf());
    knock();
    ledger.close(grantId("ssh", HOME, ALICES));
    expect(knock()).toBe("spent");
    expect([firewall.opened.length, ledger.size]).toEqual([1, 0]);
    expect(types()).toEqual(["grant.opened", "knock.repeated"]);
  });

  test("keeps the use when the kernel refuses, and tells of it once in five seconds", () => {
    const { knock, firewall, events, clock, counters } = stage(doorOf());
    firewall.refusal = refusal(23);
    for (let i = 0; i < 50; i++) expect(knock()).toBe("kept");
    clock.nowMs += 4_999;
    knock();
    expect(events).toMatchObject([
      { type: "fault", part: "firewall", full: true, message: firewall.refusal.message },
    ]);
    // Another reason is news.
    firewall.refusal = refusal(1);
    knock();
    expect(events).toHaveLength(2);
    expect(events[1]).not.toHaveProperty("full");
    clock.nowMs += 1;
    firewall.refusal = refusal(23);
    knock();
    expect([events.length, counters.get("grantsFailed")]).toEqual([3, 53]);
    firewall.refusal = undefined;
    expect(knock()).toBe("spent");
  });

  test("opens the /64 where the door says so, and tells whose address it was", () => {
    const { knock, firewall, events, keeper } = stage(doorOf({ prefix6: 64 }));
    knock("2001:db8:0:7::1");
    knock("2001:db8:0:7::2", SLOT + 1);
    const address = "2001:db8:0:7::/64";
    expect(events).toMatchObject([
      { renewed: false, source: "2001:db8:0:7::1", grant: { address } },
      { renewed: true, source: "2001:db8:0:7::2", grant: { address } },
    ]);
    expect(firewall.list().map((one) => formatAddress(one.address))).toEqual(["2001:db8:0:7::"]);
    expect(keeper.grantsOf(parseAddress("2001:db8:0:7::99")!)).toHaveLength(1);
    expect(keeper.grantsOf(parseAddress("2001:db8:0:8::1")!)).toEqual([]);
  });

  test.each([
    ["once", doorOf({ uses: "one" }), {}],
    ["once", doorOf({ uses: "one", idleCloseMs: 10_000, maxOpenMs: 60_000 }), {}],
    ["idle", IDLE, { idleMs: 10_000, maxMs: 50_000 }],
    ["plain", doorOf(), {}],
  ] as const)("asks for the kind of grant that the door is: %s", (kind, door, more) => {
    const { knock, firewall } = stage(door);
    knock();
    expect(firewall.opened[0]).toMatchObject({ kind, ...more });
  });
});

describe("Doorkeeper.fixed()", () => {
  test.each([
    [1_499, 30_000, 1], // would move the end by less than a twentieth
    [1_500, 30_000, 2],
    [999, 5_000, 1], // never more than once a second
    [1_000, 5_000, 2],
  ])("renews after %p ms of %p in force: %p openings", (afterMs, openForMs, openings) => {
    const { fixed, firewall, clock, ledger } = stage(fixedDoorOf({ openForMs }));
    fixed();
    clock.nowMs += afterMs;
    for (let i = 0; i < 20; i++) fixed();
    expect(firewall.opened).toHaveLength(openings);
    expect(firewall.opened[0]!.kind).toBe("fixed");
    const { expiresMs } = ledger.list(clock.monotonicMs(), clock.wallMs())[0]!;
    expect(expiresMs - clock.wallMs()).toBe(openForMs - (openings === 1 ? afterMs : 0));
  });

  test.each([
    [{ open: ["/bin/x"] }, 2], // the knocks in between would else put off the next run for ever
    [{ open: ["/bin/x"], close: ["/bin/y"] }, 1], // they put off its close command
  ])("runs %p of a knock every second for 45 s and an open_for of 30 s: %p times", (run, times) => {
    const door = fixedDoorOf({ opens: [], openForMs: 30_000, run: { ...run, privileged: false } });
    const { fixed, keeper, events, clock } = stage(door);
    for (let second = 0; second < 45; second++) {
      fixed();
      clock.nowMs += 1_000;
      keeper.expire();
    }
    const opened = events.filter((event) => event.type === "grant.opened" && !event.renewed);
    expect(opened).toHaveLength(times);
  });

  test("gives no more addresses a door than max_grants, says so now and then, and renews those", () => {
    const { fixed, events, clock, firewall, counters, types } = stage(
      fixedDoorOf({ maxGrants: 2 }),
    );
    for (let i = 1; i <= 40; i++) fixed(`198.51.100.${i}`);
    expect(types()).toEqual(["grant.opened", "grant.opened", "door.full"]);
    expect(events[2]).toMatchObject({ door: "legacy", address: "198.51.100.3", most: 2 });
    expect(counters.get("grantsFailed")).toBe(38);
    clock.nowMs += 5_000;
    fixed("198.51.100.1");
    fixed("198.51.100.3");
    expect(types().slice(3)).toEqual(["grant.opened", "door.full"]);
    expect(new Set(firewall.list().map(({ address }) => formatAddress(address)))).toEqual(
      new Set(["198.51.100.1", "198.51.100.2"]),
    );
  });

  test("opens a door that owes too many close commands to nobody new, and goes on for who holds it", () => {
    const { keeper, fixed, events, types, clock } = stage(fixedDoorOf());
    fixed(HOME);
    keeper.setBehind(["legacy"]);
    fixed("198.51.100.3");
    clock.nowMs += 20_000;
    fixed(HOME);
    expect(types()).toEqual(["grant.opened", "door.full", "grant.opened"]);
    expect(events).toMatchObject([
      {},
      { address: "198.51.100.3", behind: true },
      { renewed: true },
    ]);
    keeper.setBehind([]);
    fixed("198.51.100.3");
    expect(types().slice(3)).toEqual(["grant.opened"]);
  });

  test("opens a fixed door to nobody new while the control plane is late, and a rotating one as ever", () => {
    const { fixed, knock, types, counters } = stage(fixedDoorOf(), doorOf());
    counters.set("eventsTold", 1_000);
    counters.set("eventsHeard", 700);
    fixed(HOME);
    expect(knock()).toBe("spent");
    expect(types()).toEqual(["door.full", "grant.opened"]);
    counters.set("eventsHeard", 900);
    fixed("198.51.100.9");
    expect(types().slice(2)).toEqual(["grant.opened"]);
  });

  test("calls a fixed door full that is, also while the control plane is late", () => {
    const { fixed, events, counters } = stage(fixedDoorOf({ maxGrants: 1 }));
    fixed(HOME);
    counters.set("eventsTold", 1_000);
    fixed("198.51.100.9");
    expect(events.at(-1)).toMatchObject({ type: "door.full", most: 1 });
    expect(events.at(-1)).not.toHaveProperty("behind");
  });

  test("a close knock ends what the same address opened, and no session", () => {
    const { fixed, firewall, events, types } = stage(fixedDoorOf());
    fixed(HOME);
    fixed("198.51.100.7", "close");
    expect(firewall.closed).toEqual([]);
    fixed(HOME, "close");
    fixed(HOME, "close");
    expect(firewall.closed).toMatchObject([{ sessions: "keep" }]);
    expect(types()).toEqual(["grant.opened", "grant.closed"]);
    expect(events[1]).toMatchObject({ reason: "knock" });
    expect(firewall.list()).toEqual([]);
  });
});

describe("Doorkeeper.open() and closeByHand()", () => {
  test("what may have opened unheard is taken back within a second, however many knocks come", () => {
    const { fixed, firewall, keeper, clock } = stage(fixedDoorOf());
    firewall.refusal = unheard();
    for (let i = 1; i <= 3; i++) {
      fixed(`203.0.113.${i}`);
      if (i < 3) clock.nowMs += 500;
    }
    firewall.refusal = undefined;
    keeper.ends.finish(2);
    expect(firewall.closed.map(({ address }) => formatAddress(address))).toEqual([
      "203.0.113.1",
      "203.0.113.2",
    ]);
    expect(keeper.ends.dueMs).toBe(clock.monotonicMs());
    keeper.ends.finish(2);
    expect(firewall.closed).toHaveLength(3);
    expect(keeper.ends.dueMs).toBe(Infinity);
  });

  test("what the kernel keeps refusing to take waits a second between two tries", () => {
    const { fixed, firewall, keeper, clock } = stage(fixedDoorOf());
    firewall.refusal = unheard();
    fixed();
    for (let i = 0; i < 3; i++) {
      clock.nowMs += 1_000;
      keeper.ends.finish();
      expect(keeper.ends.dueMs).toBe(clock.monotonicMs() + 1_000);
    }
    firewall.refusal = undefined;
    fixed();
    clock.nowMs += 1_000;
    keeper.ends.finish();
    // The grant of the same address, opened since, is kept.
    expect(firewall.closed).toMatchObject([{ keep: [{ kind: "fixed" }] }]);
  });

  test("a flood whose openings are all unheard is remembered only as far as a set could hold it", () => {
    const { fixed, firewall, keeper, clock } = stage(fixedDoorOf());
    firewall.refusal = unheard();
    for (let i = 0; i < SET_SIZE + 9; i++) fixed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    firewall.refusal = undefined;
    clock.nowMs += 1_000;
    keeper.ends.finish();
    expect(firewall.closed).toHaveLength(SET_SIZE);
  });

  test("a holder whose closing was refused leaves no record behind when all end at once", () => {
    const { knock, firewall, keeper, clock } = stage(IDLE);
    const bob = device("ssh bob phone");
    knock();
    keeper.rotating(matchOf(bob, SLOT, HOME, clock.wallMs()));
    firewall.refusal = refusal(12);
    expect(() => keeper.closeByHand(grantId("ssh", HOME, ALICES))).toThrow();
    firewall.refusal = undefined;
    clock.nowMs += 60_000;
    keeper.expire();
    const labels = firewall.closed.map(({ owner }) => owner?.label);
    expect(new Set(labels)).toEqual(new Set(["ssh alice/laptop", "ssh bob/phone"]));
  });

  test("open() gives a plain grant to any door, for the time asked or the door's own", () => {
    const { keeper, firewall } = stage(IDLE, fixedDoorOf());
    const address = parseAddress(HOME)!;
    expect(keeper.open("legacy", address)).toMatchObject({ via: "hand", door: "legacy" });
    keeper.open("ssh", address, 5_000);
    expect(firewall.opened.map(({ kind, openMs, label }) => [kind, openMs, label])).toEqual([
      ["plain", 30_000, "legacy by-hand"],
      ["plain", 5_000, "ssh by-hand"],
    ]);
  });

  test("open() names the doors there are, and refuses one that only runs a command", () => {
    const { keeper, firewall } = stage(doorOf(), doorOf({ name: "lights", opens: [] }));
    const address = parseAddress(HOME)!;
    expect(() => keeper.open("shh", address)).toThrow(
      'Cannot open "shh": no such door: the doors are ssh, lights',
    );
    expect(() => keeper.open("lights", address)).toThrow("it opens no port");
    expect(firewall.opened).toEqual([]);
  });

  test("closeByHand() ends the grant of that id with its sessions, a /64 as a whole", () => {
    const { keeper, knock, firewall, ledger, types } = stage(doorOf({ prefix6: 64 }));
    knock(HOME);
    knock("2001:db8:0:7::1", SLOT + 1);
    const id = grantId("ssh", "2001:db8:0:7::/64", ALICES);
    expect(keeper.closeByHand(id)?.id).toBe(id);
    expect(keeper.closeByHand(id)).toBeUndefined();
    expect(firewall.closed).toEqual([
      {
        address: parseAddress("2001:db8:0:7::")!,
        prefix6: 64,
        ports: doorOf().opens,
        sessions: "end",
        keep: [],
        held: [],
        owner: { kind: "plain", label: "ssh alice/laptop" },
      },
    ]);
    expect(types().filter((type) => type === "grant.closed")).toHaveLength(1);
    expect(ledger.list(0, 0).map(({ address }) => address)).toEqual([HOME]);
  });
});

describe("Doorkeeper.expire()", () => {
  test("tells the end on time, however the wall clock was set", () => {
    for (const setByMs of [0, -86_400_000, 86_400_000]) {
      const { keeper, knock, clock, events, counters } = stage(doorOf());
      knock();
      clock.setByMs = setByMs;
      clock.nowMs += 29_999;
      keeper.expire();
      expect([events.length, counters.get("grantsLive")]).toEqual([1, 1]);
      clock.nowMs += 1;
      keeper.expire();
      expect(events[1]).toMatchObject({ type: "grant.closed", reason: "expired" });
      expect(counters.get("grantsLive")).toBe(0);
    }
  });

  test("asks the kernel about an idle grant, which traffic may have renewed", () => {
    const { keeper, knock, clock, firewall, types } = stage(IDLE);
    knock();
    clock.nowMs += 25_000;
    // What the packet path does.
    firewall.open({ ...firewall.opened[0]!, use: undefined as never, openMs: 10_000 });
    clock.nowMs += 5_000;
    keeper.expire();
    expect(types()).toEqual(["grant.opened"]);
    clock.nowMs += 5_000;
    keeper.expire();
    expect(types()).toEqual(["grant.opened", "grant.closed"]);
  });

  test("ends an idle grant with less than a millisecond left: that would be over before it is told", () => {
    const { keeper, knock, clock, firewall, types } = stage(IDLE);
    knock();
    // Another holder keeps the port open.
    firewall.open({ ...firewall.opened[0]!, use: undefined as never, openMs: 90_000 });
    clock.nowMs += 59_999.5;
    expect(keeper.expire()).toBe(false);
    expect(types()).toEqual(["grant.opened", "grant.closed"]);
  });
});

describe("Doorkeeper.expire(), many at once", () => {
  test("tells of no more ends than it is asked to, and says that there are more", () => {
    const { keeper, knock, clock, events } = stage(doorOf());
    for (let i = 0; i < 100; i++) knock(`10.0.0.${i}`, SLOT + i);
    clock.nowMs += 30_000;
    events.length = 0;
    const rounds = [keeper.expire(32), keeper.expire(32), keeper.expire(32), keeper.expire(32)];
    expect([rounds, events.length]).toEqual([[true, true, true, false], 100]);
  });
});

test("Doorkeeper.rotating() calls a grant fresh only where no element of it can stand", () => {
  for (const [door, fresh] of [
    [doorOf(), [true, false, true]],
    // Its cap outlives the grant.
    [IDLE, [false, false, false]],
  ] as const) {
    const { knock, clock, firewall, keeper } = stage(door);
    knock();
    clock.nowMs += 1_000;
    knock(HOME, SLOT + 1);
    clock.nowMs += 60_000;
    keeper.expire();
    knock(HOME, SLOT + 2);
    expect(firewall.opened.map((request) => request.fresh)).toEqual([...fresh]);
  }
});

describe("auditGrants() and Doorkeeper.repairGrants()", () => {
  const lost = { missing: 1, intended: 1, full: false };
  const kept = { missing: 0, intended: 1, full: false };
  const nothing = { missing: 0, intended: 0, full: false };

  test("puts back what others took, with the life and the kind it had", async () => {
    for (const [door, kind] of [
      [doorOf(), "plain"],
      [IDLE, "idle"],
    ] as const) {
      const { knock, clock, firewall, counters, audit } = stage(door);
      knock();
      expect(await audit()).toEqual(kept);
      clock.nowMs += 12_000;
      firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: door.opens });
      expect(await audit()).toEqual(lost);
      expect(firewall.list()).toMatchObject([{ kind, remainingMs: 18_000 }]);
      // A use is not spent again: this opens a grant that was paid for.
      expect(firewall.opened.at(-1)).not.toHaveProperty("use");
      expect([await audit(), counters.get("grantsRepaired")]).toEqual([kept, 1]);
    }
  });

  test("puts back what several had of one element, each with his own life and cap", async () => {
    const plain = stage(doorOf(), doorOf({ name: "long", openForMs: 3_600_000 }));
    plain.knock();
    plain.keeper.open("long", parseAddress(HOME)!);
    const idle = stage(IDLE, doorOf({ name: "long", idleCloseMs: 10_000, maxOpenMs: 3_600_000 }));
    idle.knock();
    idle.keeper.rotating(matchOf(device("long bob phone"), SLOT, HOME, idle.clock.wallMs()));
    for (const { firewall, audit } of [plain, idle]) {
      firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: doorOf().opens });
      expect(await audit()).toEqual({ missing: 2, intended: 2, full: false });
    }
    expect(plain.firewall.list()).toMatchObject([{ kind: "plain", remainingMs: 3_600_000 }]);
    expect(idle.firewall.list()).toMatchObject([{ kind: "idle", maxRemainingMs: 3_590_000 }]);
  });

  test("puts back a grant that misses one of its ports", async () => {
    const opens = [{ proto: "tcp", from: 80, to: 82 } as const];
    const { knock, firewall, audit } = stage(doorOf({ opens }));
    knock();
    const ports = [{ proto: "tcp", from: 81, to: 81 } as const];
    firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports });
    expect(await audit()).toEqual(lost);
    expect(new Set(firewall.list().map(({ port }) => port.port))).toEqual(new Set([80, 81, 82]));
  });

  test("neither ends nor counts a grant that was opened again since the kernel was listed", async () => {
    for (const door of [doorOf(), IDLE]) {
      const { knock, clock, firewall, keeper, counters, types } = stage(door);
      knock();
      firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: door.opens });
      clock.nowMs += 5_000;
      knock(HOME, SLOT + 1);
      const before = types().length;
      expect(keeper.repairGrants([grantId("ssh", HOME, ALICES)])).toEqual({ entered: 0 });
      expect([types().length, counters.get("grantsRepaired")]).toEqual([before, 0]);
    }
  });

  test("opens no port again whose grant the kernel ended a moment before the ledger does", async () => {
    const { knock, clock, firewall, audit } = stage(doorOf());
    knock();
    clock.nowMs += 29_300;
    // The kernel's time began before the ledger's: on a slow machine by some tenths of a second.
    firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: doorOf().opens });
    expect(await audit()).toEqual(nothing);
    expect(firewall.list()).toEqual([]);
  });

  test("takes an idle grant that is gone while its cap lasts for ended, not for stolen", async () => {
    const { knock, clock, ledger, firewall, events, audit } = stage(IDLE);
    knock();
    // Traffic renewed it once, as `expire` heard from the kernel; then it paused.
    ledger.setLife(grantId("ssh", HOME, ALICES), 45_000, clock.monotonicMs());
    clock.nowMs += 31_000;
    expect(firewall.list()).toEqual([]);
    expect(await audit()).toEqual(nothing);
    expect(events.at(-1)).toMatchObject({ type: "grant.closed", reason: "expired" });
    expect([firewall.opened.length, ledger.size]).toEqual([1, 0]);
  });

  test("leaves an idle grant of which one port pauses, and gives back only ports that were taken", async () => {
    const opens = [80, 443].map((port) => ({ proto: "tcp", from: port, to: port }) as const);
    const { knock, clock, ledger, firewall, audit } = stage({ ...IDLE, opens });
    knock();
    clock.nowMs += 25_000;
    // Traffic renews one port alone; the kernel tells nobody.
    const id = grantId("ssh", HOME, ALICES);
    const [, talking] = opens;
    const address = parseAddress(HOME)!;
    firewall.open({
      address,
      prefix6: 128,
      ports: [talking!],
      kind: "idle",
      idleMs: 10_000,
      openMs: 10_000,
      maxMs: 25_000,
      label: "ssh alice/laptop",
    });
    ledger.setLife(id, 10_000, clock.monotonicMs());
    clock.nowMs += 6_000;
    expect(firewall.list().map(({ port }) => port.port)).toEqual([443]);
    expect(await audit()).toEqual(nothing);
    expect(ledger.get(id)).toBeDefined();
    firewall.close({ address, prefix6: 128, ports: [talking!] });
    expect(await audit()).toEqual(lost);
    expect(firewall.list().map(({ port }) => port.port)).toEqual([443]);
    expect(ledger.get(id)).toBeDefined();
  });

  test("leaves alone what may be gone rightly, and what nobody means any more", async () => {
    const one = stage(doorOf({ uses: "one" }));
    const command = stage(doorOf({ opens: [] }));
    const over = stage(doorOf());
    const removed = stage(doorOf());
    for (const { knock, firewall } of [one, command, over, removed]) {
      knock();
      firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: doorOf().opens });
    }
    over.clock.nowMs += 30_000;
    removed.keeper.replaceDoors([doorOf({ name: "other" })]);
    for (const { firewall, audit } of [one, command, over, removed]) {
      expect(await audit()).toEqual(nothing);
      expect(firewall.opened).toHaveLength(1);
    }
  });

  test("brings a grant by hand back as one by hand, also at an idle door", async () => {
    const { keeper, firewall, audit } = stage(IDLE);
    const address = parseAddress(HOME)!;
    keeper.open("ssh", address, 20_000);
    firewall.close({ address, prefix6: 128, ports: IDLE.opens });
    expect(await audit()).toEqual(lost);
    expect(firewall.list()).toMatchObject([{ kind: "plain", label: "ssh by-hand" }]);
  });
});

test("Doorkeeper tells a grant for one connection that was used from one that somebody took", () => {
  for (const reason of ["used", "lost"] as const) {
    const { knock, firewall, keeper, ledger, events } = stage(doorOf({ uses: "one" }));
    knock();
    keeper.traffic.lookAtOnce(64);
    expect(ledger.size).toBe(1);
    firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: doorOf().opens });
    if (reason === "lost") keeper.traffic.taken();
    expect(keeper.grantsOf(parseAddress(HOME)!)).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "grant.closed", reason });
    // What was taken is known by then: the next one that is gone was used.
    keeper.traffic.lookAtOnce(64);
    knock(HOME, SLOT + 1);
    firewall.close({ address: parseAddress(HOME)!, prefix6: 128, ports: doorOf().opens });
    keeper.traffic.lookAtOnce(64);
    expect(events.at(-1)).toMatchObject({ type: "grant.closed", reason: "used" });
  }
});

describe("Doorkeeper.echoed()", () => {
  test("tells of the part, and moves no counter that anybody may read", () => {
    const { keeper, events, counters } = stage(doorOf());
    const use = matchOf(ALICE, SLOT, HOME, 1_000);
    keeper.echoed({ use, source: parseAddress("198.51.100.7")!, heard: 6, ports: 8 });
    expect(events).toMatchObject([
      {
        type: "knock.reused",
        address: "198.51.100.7",
        firstAddress: HOME,
        firstMs: 1_000,
        part: { heard: 6, ports: 8 },
      },
    ]);
    expect([counters.get("reuses"), counters.get("partialReuses")]).toEqual([0, 1]);
  });
});
