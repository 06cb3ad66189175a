/**
 * Ends are counted by owner: doors that share ports, devices behind one address, a /64 over its addresses,
 * every kind of grant, in any order of opening, closing, ending, spending and reloading, held against a slow
 * list of living grants; on the recorder, whose time passes, and on the real kernel.
 */

import { afterAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Door } from "../../../src/config/settings.ts";
import {
  formatAddress,
  maskAddress,
  parseAddress,
  parsePrefix,
} from "../../../src/core/address.ts";
import { Counters } from "../../../src/core/counters.ts";
import type { DaemonEvent } from "../../../src/core/events.ts";
import type { Grant, GrantKind, Holder } from "../../../src/core/grant.ts";
import { Doorkeeper } from "../../../src/data-plane/doorkeeper.ts";
import { holderAddress } from "../../../src/data-plane/grant-request.ts";
import { Ledger } from "../../../src/data-plane/ledger.ts";
import { restoreGrants } from "../../../src/data-plane/restore-from-kernel.ts";
import { singlePorts } from "../../../src/firewall/element-key.ts";
import type { Firewall, KernelGrant } from "../../../src/firewall/firewall.ts";
import { KernelGrants } from "../../../src/firewall/grants.ts";
import { loadGuard, removeGuard } from "../../../src/firewall/guard.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { planOf, ranges } from "../../support/firewall.ts";
import { device, SLOT } from "../../support/matcher.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { doorOf, fixedDoorOf, HandClock, matchOf } from "../../support/daemon.ts";

const MINUTE = 60_000;
const lab = new Lab();
const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

afterAll(() => lab[Symbol.dispose]());

/** Idle times shorter than any life, so that the rest of an idle grant identifies its owner. */
const IDLE_MS = [1 * MINUTE, 1.5 * MINUTE] as const;

/** The possible terms of one door, before and after a reload. */
const SHAPES: readonly Partial<Door>[] = [
  { opens: ranges("22/tcp"), openForMs: 8 * MINUTE },
  { opens: ranges("22/tcp", "80/tcp"), openForMs: 3 * MINUTE },
  { opens: ranges("22/tcp"), openForMs: 5 * MINUTE, uses: "one" },
  {
    opens: ranges("22/tcp"),
    openForMs: 4 * MINUTE,
    idleCloseMs: IDLE_MS[0],
    maxOpenMs: 30 * MINUTE,
  },
  { opens: ranges("22-23/tcp"), openForMs: 6 * MINUTE, idleCloseMs: IDLE_MS[1] },
  { opens: ranges("80/tcp"), openForMs: 7 * MINUTE, prefix6: 64 },
  { opens: ranges("22/tcp", "53/udp"), openForMs: 9 * MINUTE, prefix6: 64 },
];
const FIXED_SHAPES: readonly Partial<Door>[] = [
  { opens: ranges("22/tcp"), openForMs: 6 * MINUTE, maxGrants: 64 },
  { opens: ranges("22/tcp", "80/tcp"), openForMs: 2 * MINUTE, maxGrants: 64, prefix6: 64 },
];
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "fd00:0:0:1::1", "fd00:0:0:1::2"] as const;
const DEVICES = ["alice laptop", "bob phone"] as const;
const ROTATING = ["one", "two", "three"] as const;

const step = fc.record({
  act: fc.constantFrom(
    "knock",
    "knock",
    "knock",
    "fixed",
    "hand",
    "close",
    "reclose",
    "spend",
    "reload",
    "pass",
  ),
  door: fc.nat(2),
  who: fc.nat(1),
  address: fc.constantFrom(...ADDRESSES),
  shape: fc.nat(SHAPES.length - 1),
  pick: fc.nat(99),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A living grant as the slow reference has it. */
interface Lives {
  readonly door: string;
  readonly address: string;
  readonly holder: Holder;
  kind: GrantKind;
  idleMs: number | undefined;
  ports: Door["opens"];
  endMs: number;
  readonly number: number;
}

class World {
  readonly clock = new HandClock();
  readonly ledger = new Ledger();
  readonly events: DaemonEvent[] = [];
  readonly firewall: Firewall;
  readonly keeper: Doorkeeper;
  #doors: Door[];
  #lives: Lives[] = [];
  #entered = 0;
  #slot = SLOT;

  constructor(firewall: (clock: HandClock) => Firewall) {
    this.firewall = firewall(this.clock);
    this.#doors = [
      ...ROTATING.map((name, i) => doorOf({ name, ...SHAPES[i]! })),
      fixedDoorOf(FIXED_SHAPES[0]),
    ];
    this.keeper = new Doorkeeper(this.#doors, {
      firewall: this.firewall,
      ledger: this.ledger,
      counters: new Counters(),
      clock: this.clock,
      emit: (event) => void this.events.push(event),
    });
  }

  play(made: Step, spend: (address: string, port: number) => void): void {
    const source = parseAddress(made.address)!;
    const door = this.#doors[made.door]!;
    switch (made.act) {
      case "knock": {
        const [user, name] = DEVICES[made.who]!.split(" ") as [string, string];
        const subject = device(`${door.name} ${user} ${name}`);
        const match = matchOf(subject, ++this.#slot, made.address, this.clock.wallMs());
        expect(this.keeper.rotating(match)).toBe("spent");
        const kind =
          door.uses === "one" ? "once" : door.idleCloseMs === undefined ? "plain" : "idle";
        this.#open(door, made.address, { via: "rotating", user, device: name }, kind);
        return;
      }
      case "fixed":
        this.#fixed("open", made.address);
        return;
      case "reclose":
        this.#fixed("close", made.address);
        return;
      case "hand":
        this.keeper.open(door.name, source);
        this.#open(door, made.address, { via: "hand" }, "plain");
        return;
      case "close": {
        const all = this.ledger.list(this.clock.monotonicMs(), this.clock.wallMs());
        const grant = all[made.pick % Math.max(1, all.length)];
        if (grant === undefined) return;
        this.keeper.closeByHand(grant.id);
        this.#lives = this.#lives.filter((one) => !isOf(one, grant));
        return;
      }
      case "spend": {
        const spent = this.#lives.find(({ kind }) => kind === "once");
        if (spent === undefined) return;
        spend(spent.address, 22);
        this.keeper.traffic.lookAtOnce(64);
        const first = this.#lives
          .filter(({ kind, address }) => kind === "once" && address === spent.address)
          .reduce((a, b) => (a.number < b.number ? a : b));
        this.#lives = this.#lives.filter((one) => one !== first);
        return;
      }
      case "reload":
        this.#doors = this.#doors.map((one, i) => {
          if (i !== made.door && i !== made.pick % 4) return one;
          if (one.fixed !== undefined) return fixedDoorOf(FIXED_SHAPES[made.shape % 2]);
          return doorOf({ name: one.name, ...SHAPES[made.shape]! });
        });
        this.keeper.replaceDoors(this.#doors);
        return;
      case "pass":
        this.clock.nowMs += (made.pick % 4) * MINUTE;
        this.keeper.expire();
        this.#lives = this.#lives.filter(({ endMs }) => endMs > this.clock.nowMs);
    }
  }

  #fixed(action: "open" | "close", from: string): void {
    const door = this.#doors.at(-1)!;
    const sequence = action === "open" ? door.fixed! : door.closing!;
    const subject = { door: door.name, action, sequence };
    const source = parseAddress(from)!;
    this.keeper.fixed({ kind: "fixed", subject, source, timeMs: this.clock.wallMs() });
    const holder = { via: "fixed" } as const;
    if (action === "open") this.#open(door, from, holder, "fixed");
    else {
      const address = holderAddress(door, source);
      this.#lives = this.#lives.filter(
        (one) => !isOf(one, { door: door.name, address, ...holder }),
      );
    }
  }

  #open(door: Door, from: string, holder: Holder, kind: GrantKind): void {
    const address = holderAddress(door, parseAddress(from)!);
    const endMs = this.clock.nowMs + door.openForMs;
    const ports = door.opens;
    const idleMs = kind === "idle" ? door.idleCloseMs : undefined;
    const before = this.#lives.find((one) => isOf(one, { door: door.name, address, ...holder }));
    if (before === undefined) {
      const number = ++this.#entered;
      this.#lives.push({ door: door.name, address, holder, kind, idleMs, ports, endMs, number });
      return;
    }
    const same =
      before.kind === kind &&
      before.idleMs === idleMs &&
      JSON.stringify(before.ports) === JSON.stringify(ports);
    Object.assign(before, {
      kind,
      idleMs,
      ports,
      endMs: same ? Math.max(before.endMs, endMs) : endMs,
    });
  }

  /** The right state of the kernel: each element has the longest life that somebody needs. */
  expected(): string[] {
    const longest = new Map<string, number>();
    for (const { kind, idleMs, address, ports, endMs } of this.#lives) {
      const text = formatAddress(parsePrefix(address)!.address);
      for (const { proto, port } of singlePorts(ports)) {
        const key = `${kind} ${idleMs ?? "-"} ${text} ${proto} ${port}`;
        longest.set(key, Math.max(longest.get(key) ?? 0, endMs - this.clock.nowMs));
      }
    }
    return Array.from(longest, ([key, ms]) => `${key} ${Math.round(ms / MINUTE)}`).sort();
  }

  held(): string[] {
    const seen = ({ kind, idleMs, address, port, remainingMs }: KernelGrant) =>
      `${kind} ${idleMs ?? "-"} ${formatAddress(address)} ${port.proto} ${port.port} ${Math.round(remainingMs / MINUTE)}`;
    return this.firewall.list().map(seen).sort();
  }

  /** The output of `grants`, and `why` for each address. */
  told(): { readonly grants: string[]; readonly why: string[][] } {
    const list = this.ledger.list(this.clock.monotonicMs(), this.clock.wallMs());
    return {
      grants: list.map((grant) => this.#row(grant, grant.expiresMs - this.clock.wallMs())).sort(),
      why: ADDRESSES.map((address) =>
        this.keeper
          .grantsOf(parseAddress(address)!)
          .map((grant) => this.#row(grant, grant.expiresMs - this.clock.wallMs()))
          .sort(),
      ),
    };
  }

  /** The grants that a daemon starting now finds in the kernel. */
  restored(kernel: KernelGrants): string[] {
    const ledger = new Ledger();
    restoreGrants(ledger, kernel.listOwned(), this.clock);
    const list = ledger.list(this.clock.monotonicMs(), this.clock.wallMs());
    return list.map((grant) => this.#row(grant, grant.expiresMs - this.clock.wallMs())).sort();
  }

  meant(): { readonly grants: string[]; readonly why: string[][] } {
    const row = (one: Lives) => this.#row({ ...one, ...one.holder }, one.endMs - this.clock.nowMs);
    const lets = ({ address }: Lives, from: string) => {
      const { address: own, bits } = parsePrefix(address)!;
      const source = parseAddress(from)!;
      const whole = own.family === 4 || bits === 128;
      return whole
        ? address === from
        : formatAddress(maskAddress(source, 64)) === formatAddress(own);
    };
    return {
      grants: this.#lives.map(row).sort(),
      why: ADDRESSES.map((from) =>
        this.#lives
          .filter((one) => lets(one, from))
          .map(row)
          .sort(),
      ),
    };
  }

  #row(
    {
      door,
      address,
      kind,
      ports,
      via,
      user,
      device: name,
    }: Pick<Grant, "door" | "address" | "kind" | "ports"> & Holder,
    leftMs: number,
  ): string {
    const minutes = Math.round(leftMs / MINUTE);
    return [door, address, via, user, name, kind, JSON.stringify(ports), minutes].join(" ");
  }
}

function isOf(
  { door, address, holder }: Lives,
  grant: Pick<Grant, "door" | "address"> & Holder,
): boolean {
  return (
    door === grant.door &&
    address === grant.address &&
    holder.via === grant.via &&
    holder.user === grant.user &&
    holder.device === grant.device
  );
}

function agrees(world: World): void {
  expect(world.held()).toEqual(world.expected());
  expect(world.told()).toEqual(world.meant());
}

describe("what lives is what somebody holds", () => {
  test("on the recorder, whose time passes", () => {
    const play = (steps: readonly Step[]) => {
      const world = new World((clock) => new RecordingFirewall(() => clock.monotonicMs()));
      for (const made of steps) {
        world.play(made, (address, port) => spendRecorded(world.firewall, address, port));
        agrees(world);
      }
    };
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), play), { numRuns: 400 });
  });

  test("on the kernel", () => {
    using kernel = here(() => KernelGrants.open());
    const play = (steps: readonly Step[]) => {
      here(removeGuard);
      here(() => loadGuard(planOf({ idleMs: IDLE_MS })));
      const world = new World(() => kernel);
      for (const made of steps.filter(({ act }) => act !== "pass")) {
        world.play(made, (address, port) => {
          const family = address.includes(":") ? 6 : 4;
          const element = `one${family} { ${address} . tcp . ${port} }`;
          expect(here(() => runNft(`delete element inet sallyport ${element}`)).ok).toBe(true);
        });
        agrees(world);
        expect(world.restored(kernel)).toEqual(world.meant().grants);
      }
    };
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), play), { numRuns: 40 });
  });
});

/** The packet path's work on the element of a grant for one connection. */
function spendRecorded(firewall: Firewall, address: string, port: number): void {
  const own = parseAddress(address)!;
  const others = firewall.list().filter((one) => one.kind !== "once");
  firewall.close({
    address: own,
    prefix6: 128,
    ports: [{ proto: "tcp", from: port, to: port }],
    sessions: "keep",
    keep: others
      .filter((one) => formatAddress(one.address) === address)
      .map(({ kind, idleMs, remainingMs, maxRemainingMs, port: { proto, port: at }, label }) => ({
        kind,
        ports: [{ proto, from: at, to: at }],
        lifeMs: remainingMs,
        label,
        ...(idleMs !== undefined && { idleMs, capMs: maxRemainingMs ?? 0 }),
      })),
  });
}
