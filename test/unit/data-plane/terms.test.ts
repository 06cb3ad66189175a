/**
 * Terms may change: whatever a door's step, skew, window, ports or range were, no used knock opens
 * again, and nobody waits.
 */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Counters } from "../../../src/core/counters.ts";
import type { DaemonEvent } from "../../../src/core/events.ts";
import { Doorkeeper } from "../../../src/data-plane/doorkeeper.ts";
import { Ledger } from "../../../src/data-plane/ledger.ts";
import { PersistentState } from "../../../src/control-plane/persistent-state.ts";
import { carryUses, restoreUses } from "../../../src/data-plane/restore-from-kernel.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import { Matcher } from "../../../src/match/matcher.ts";
import type { RotatingSubject } from "../../../src/match/subject.ts";
import { slotAt, slotStartMs } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../../src/rks/space.ts";
import { device, knock, portsOf } from "../../support/matcher.ts";
import { StateFolder } from "../../support/store.ts";
import { doorOf, HandClock } from "../../support/daemon.ts";
import { rounds } from "../../support/rounds.ts";

const HOME = "203.0.113.7";
const EAVESDROPPER = "198.51.100.66";

/** A device with the key of this name at the door "ssh". */
function subjectOf(keyName: string, space: KnockSpace): RotatingSubject {
  return { ...device(`ssh alice ${keyName}`, space), device: "laptop" };
}

/**
 * One server through reloads and restarts: the parts of the daemon that handle uses, without
 * threads.
 */
class Server implements Disposable {
  readonly clock = new HandClock();
  readonly events: DaemonEvent[] = [];
  readonly #folder = new StateFolder("/dev/shm");
  #subject: RotatingSubject;
  #persistent: PersistentState;
  #firewall: RecordingFirewall;
  #doorkeeper: Doorkeeper;
  #matcher: Matcher;

  constructor(subject: RotatingSubject) {
    this.#subject = subject;
    this.#persistent = this.#recollect();
    this.#firewall = this.#kernel();
    this.#doorkeeper = this.#makeKeeper();
    this.#matcher = this.#makeMatcher();
  }

  get subject(): RotatingSubject {
    return this.#subject;
  }

  reload(subject: RotatingSubject): void {
    const before = { matcher: this.#matcher, subjects: [this.#subject] };
    this.#subject = subject;
    const matcher = this.#makeMatcher();
    carryUses(before, { matcher, subjects: [subject] });
    this.#restore(matcher);
    this.#doorkeeper.replaceDoors([this.#door()]);
    this.#matcher = matcher;
  }

  /** In the same boot, or in a new one after a stop in order: the kernel's table is gone then. */
  restart(subject: RotatingSubject, reboot: boolean): void {
    this.#persistent.close(this.clock.wallMs());
    this.#subject = subject;
    this.#persistent = this.#recollect();
    if (reboot) this.#firewall = this.#kernel();
    this.#doorkeeper = this.#makeKeeper();
    this.#matcher = this.#makeMatcher();
    this.#restore(this.#matcher);
  }

  /** Whether these ports, in this order, open the door. */
  opens(source: string, ports: readonly number[]): boolean {
    const before = this.events.length;
    const { proto } = this.#subject.space;
    for (const port of ports) this.#matcher.feed(knock(source, port, this.clock.wallMs(), proto));
    return this.events.slice(before).some(({ type }) => type === "grant.opened");
  }

  [Symbol.dispose](): void {
    this.#persistent.close(this.clock.wallMs());
    this.#folder[Symbol.dispose]();
  }

  #door() {
    return doorOf({ space: this.#subject.space });
  }

  #recollect(): PersistentState {
    return new PersistentState(this.#folder.path, {
      nowMs: this.clock.wallMs(),
      report: this.#folder.report,
    });
  }

  #kernel(): RecordingFirewall {
    return new RecordingFirewall(() => this.clock.monotonicMs());
  }

  #makeKeeper(): Doorkeeper {
    return new Doorkeeper([this.#door()], {
      firewall: this.#firewall,
      ledger: new Ledger(),
      counters: new Counters(),
      clock: this.clock,
      emit: (event) => {
        this.events.push(event);
        this.#persistent.hear(event, [this.#subject]);
      },
    });
  }

  #makeMatcher(): Matcher {
    const matcher = new Matcher(
      { rotating: [this.#subject], fixed: [] },
      {
        rotating: (match) => this.#doorkeeper.rotating(match),
        fixed: (match) => this.#doorkeeper.fixed(match),
        repeated: () => {},
        reused: () => {},
      },
    );
    for (const use of this.#persistent.usesFor([this.#subject])) matcher.markUsed(use);
    return matcher;
  }

  #restore(matcher: Matcher): void {
    restoreUses(matcher, [this.#subject], this.#firewall.uses(), this.clock.wallMs());
  }
}

const space = fc.record<KnockSpace>({
  proto: fc.constantFrom("tcp", "udp"),
  lo: fc.constantFrom(20_000, 1_024),
  hi: fc.constantFrom(52_767, 60_000),
  // Fewer ports would come together by chance.
  ports: fc.constantFrom(8, 9, 12),
  stepSeconds: fc.constantFrom(10, 15, 30, 60, 299, 300),
  windowSeconds: fc.constantFrom(5, 10),
  skew: fc.constantFrom(0, 1, 2),
  slack: fc.constantFrom(0, 64),
});

const change = fc.oneof(
  fc.record({ what: fc.constant("knock" as const) }),
  fc.record({ what: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 400 }) }),
  fc.record({
    what: fc.constantFrom("reload" as const, "restart" as const, "reboot" as const),
    space,
    keyName: fc.constantFrom("first", "second"),
  }),
);

test("whatever the terms were and become: what was used opens nothing again, and a knock opens within skew + 1 slots", () => {
  fc.assert(
    fc.property(space, fc.array(change, { minLength: 4, maxLength: 14 }), (first, changes) => {
      using server = new Server(subjectOf("first", first));
      const { clock } = server;
      const overheard: number[][] = [];
      for (const one of [...changes, { what: "knock" } as const]) {
        if (one.what === "wait") clock.nowMs += one.seconds * 1_000;
        else if (one.what === "knock") overheard.push(knockHonestly(server));
        else {
          const subject = subjectOf(one.keyName, one.space);
          if (one.what === "reload") server.reload(subject);
          else server.restart(subject, one.what === "reboot");
        }
        for (const ports of overheard) expect(server.opens(EAVESDROPPER, ports)).toBeFalse();
      }
    }),
    { numRuns: rounds(100) },
  );
}, 60_000);

/**
 * Knocks like a client that lost its memory: slot by slot, until one opens. Returns the ports that
 * did.
 */
function knockHonestly(server: Server): number[] {
  const { clock, subject } = server;
  const { stepSeconds, skew } = subject.space;
  for (let waited = 0; waited <= skew + 1; waited++) {
    const slot = slotAt(clock.wallMs(), stepSeconds);
    const ports = portsOf(subject, slot);
    if (server.opens(HOME, ports)) return ports;
    clock.nowMs = slotStartMs(slot + 1, stepSeconds);
  }
  throw new Error(`nothing opened within ${skew + 1} slots of ${stepSeconds} s`);
}

test("a door whose step went from 30 s to 60 s and back opens at once each time, and keeps what was used", () => {
  const terms = (stepSeconds: number) => subjectOf("first", { ...DEFAULT_SPACE, stepSeconds });
  using server = new Server(terms(30));
  const slot = slotAt(server.clock.wallMs(), 30);
  expect(server.opens(HOME, portsOf(terms(30), slot))).toBeTrue();
  server.reload(terms(60));
  expect(server.opens(HOME, portsOf(terms(60), slotAt(server.clock.wallMs(), 60)))).toBeTrue();
  server.restart(terms(60), true);
  expect(server.opens(HOME, portsOf(terms(60), slotAt(server.clock.wallMs(), 60)))).toBeFalse();
  server.restart(terms(30), true);
  expect(server.opens(HOME, portsOf(terms(30), slot))).toBeFalse();
  expect(server.opens(HOME, portsOf(terms(30), slot + 1))).toBeTrue();
});

test("a new key of the same name opens at once after a reload: what the old one used is not its own", () => {
  const [old, fresh] = ["first", "second"].map((name) => subjectOf(name, DEFAULT_SPACE));
  using server = new Server(old!);
  const slot = slotAt(server.clock.wallMs(), 30);
  expect(server.opens(HOME, portsOf(old!, slot + 1))).toBeTrue();
  server.reload(fresh!);
  expect(server.opens(HOME, portsOf(fresh!, slot))).toBeTrue();
});
