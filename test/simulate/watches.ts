/** Everything that holds the daemon to its promises by what it tells and what becomes of it. */

import { formatAddress } from "../../src/core/address.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Door } from "../../src/config/settings.ts";
import type { Agenda } from "./agenda.ts";
import { Alarms } from "./alarms.ts";
import { AuditWatch } from "./audit-watch.ts";
import type { Chronicle } from "./chronicle.ts";
import { CloseCommands } from "./close-commands.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import { GrantWatch } from "./grant-watch.ts";
import { GuardWatch } from "./guard-watch.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LivingSession } from "./living-sessions.ts";
import { Oracle } from "./oracle.ts";
import { SessionWatch } from "./session-watch.ts";
import type { Violation } from "./violation.ts";

interface WatchesParts {
  readonly agenda: Agenda;
  readonly kernel: SimulatedKernel;
  readonly chronicle: Chronicle;
  readonly diskTrouble: DiskTrouble;
  readonly sessions: ReadonlySet<LivingSession>;
}

export class Watches {
  readonly #agenda: Agenda;
  readonly #diskTrouble: DiskTrouble;
  readonly oracle: Oracle;
  readonly guard: GuardWatch;
  readonly grants: GrantWatch;
  readonly sessions: SessionWatch;
  readonly alarms: Alarms;
  readonly closes = new CloseCommands();
  readonly audit = new AuditWatch();

  constructor({ agenda, kernel, chronicle, diskTrouble, sessions }: WatchesParts) {
    const judge = (violation: Violation) => chronicle.judge(violation);
    this.#agenda = agenda;
    this.#diskTrouble = diskTrouble;
    this.oracle = new Oracle(agenda, kernel, judge);
    this.guard = new GuardWatch(agenda, kernel, judge, () => diskTrouble.mayLack);
    this.grants = new GrantWatch(judge);
    this.sessions = new SessionWatch(kernel, sessions);
    this.alarms = new Alarms(judge);
    this.oracle.closes = (from) => {
      this.grants.closingKnock(formatAddress(from), agenda.monotonicMs());
    };
  }

  /** A new process begins. */
  newLife(): void {
    this.alarms.newLife();
    this.guard.newLife();
    this.grants.newLife();
  }

  /** The process died; with the power went what no fsync had reached. */
  died(powerCut: boolean): void {
    const nowMs = this.#agenda.monotonicMs();
    const diskMayLack = this.#diskTrouble.mayLack;
    this.oracle.uses.lose();
    this.sessions.logFailed();
    this.closes.died(nowMs, powerCut, diskMayLack);
    this.audit.died(nowMs, powerCut || diskMayLack);
  }

  clockWasSet(byMs: number): void {
    this.oracle.uses.clockWasSet();
    this.guard.clockWasSet();
    this.audit.clockWasSet(byMs, this.#agenda);
  }

  /** The control plane, which knows these doors, is about to handle an event. */
  hearing(event: DaemonEvent, doors: readonly Door[]): void {
    const nowMs = this.#agenda.monotonicMs();
    this.closes.hearing(event, doors, nowMs, this.#diskTrouble.mayLack);
    this.alarms.hear(event);
    this.grants.hear(event, nowMs);
  }

  /** The control plane has handled it. */
  heard(event: DaemonEvent): void {
    this.closes.heard();
    this.audit.hear(event, this.#agenda.monotonicMs());
    this.sessions.hear(event);
  }
}
