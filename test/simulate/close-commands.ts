/** Counts what close commands are owed and started, by door and address. */

import type { Grant } from "../../src/core/grant.ts";
import { Violation } from "./violation.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Door } from "../../src/config/settings.ts";

interface Account {
  owed: number;
  started: number;
  /** Starts that may come again, or owings that may be lost, since nobody can know. */
  repeats: number;
  mayBeLost: boolean;
  owedMs: number;
  /** When the last grant that owed ended. */
  endedMs: number;
  isOpen: boolean;
  /** The present process said that it opened, and has not said that it ended. */
  isToldOpen: boolean;
  /** Ends of grants that no command has started for: so many may start, whoever opened meanwhile. */
  due: number;
  /** When that end was told; Infinity where nothing is owed for it any more. */
  unpaidMs: number;
  startedMs: number;
}

/** Debts that follow one another closely wait for the disk together. */
const SYNC_MS = 25;

/** From the start of a command until its debt is settled. */
const START_MS = 1;

export class CloseCommands {
  readonly #accounts = new Map<string, Account>();
  /** Owes by an event that the control plane handles at this moment. */
  #entering: Account | undefined;
  /** Its end is handled at this moment. */
  #ending: Account | undefined;

  /** The control plane is about to handle an event. */
  hearing(event: DaemonEvent, doors: readonly Door[], nowMs: number, diskRefuses: boolean): void {
    if (event.type === "grant.closed" && event.shared !== true) this.#ended(event.grant, nowMs);
    const opens = event.type === "grant.opened" && !event.renewed && event.shared !== true;
    if (!opens && event.type !== "grant.restored") return;
    const { door, address } = event.grant;
    if (doors.find(({ name }) => name === door)?.run?.close === undefined) return;
    const account = this.#of(door, address);
    account.isToldOpen = true;
    // Its own end pays what an earlier daemon left due.
    if (event.type === "grant.restored") {
      account.due = 0;
      account.unpaidMs = Infinity;
    }
    // It owes once, however many daemons find it.
    if (event.type === "grant.restored" && account.isOpen) return;
    account.owed++;
    account.owedMs = nowMs;
    account.isOpen = true;
    account.mayBeLost = diskRefuses;
    this.#entering = account;
  }

  /** The control plane has handled it. */
  heard(): void {
    this.#entering = undefined;
    this.#ending = undefined;
  }

  started(door: string, address: string, nowMs: number): Violation | undefined {
    const account = this.#of(door, address);
    const isEarly = account.isToldOpen && account.due === 0 && !account.mayBeLost;
    account.due = Math.max(0, account.due - 1);
    account.unpaidMs = Infinity;
    account.started++;
    account.startedMs = nowMs;
    // The command of an earlier grant does not close the account of one that was opened since.
    account.isOpen = account.isToldOpen;
    if (!isEarly) return undefined;
    return new Violation("a close command waits for the end", `${door} ${address} is open`);
  }

  /** The process died; with the power went what no fsync had reached. */
  died(nowMs: number, powerCut: boolean, diskRefuses: boolean): void {
    for (const account of this.#accounts.values()) {
      const isStarting = nowMs - account.startedMs < START_MS;
      const mayComeAgain = isStarting || powerCut || diskRefuses;
      if (mayComeAgain) account.repeats++;
      // One that was opened again pays for both at its own end, and one whose end was not written down then.
      const isUnwritten = powerCut || diskRefuses || account === this.#ending;
      if (account.isOpen || isUnwritten) account.unpaidMs = Infinity;
      // The grant may end while nobody looks.
      if (mayComeAgain || account.isOpen) account.due ||= 1;
      const isEntering = account === this.#entering;
      const isUnsynced = powerCut && nowMs - account.owedMs < SYNC_MS;
      if (isEntering || diskRefuses || isUnsynced) account.mayBeLost = true;
      account.isToldOpen = false;
    }
    this.heard();
  }

  /** Call it when nothing keeps a command from starting: those of ends before this time have come. */
  late(beforeMs: number): Violation | undefined {
    for (const [place, { unpaidMs, mayBeLost }] of this.#accounts) {
      if (mayBeLost || unpaidMs >= beforeMs) continue;
      return new Violation("a close command comes in time", `${place} waits`);
    }
    return undefined;
  }

  /** Everything has ended, and every command had the time to start. */
  check(): Violation | undefined {
    for (const [place, account] of this.#accounts) {
      const { owed, started, repeats, mayBeLost, owedMs, endedMs, startedMs } = account;
      const counts = `${place}: owed ${owed}, started ${started}`;
      if (owed > 0 && !mayBeLost && startedMs < Math.max(owedMs, endedMs)) {
        return new Violation("every close command runs", counts);
      }
      if (started > owed + repeats) {
        return new Violation("no close command runs twice", `${counts}, ${repeats} may come again`);
      }
    }
    return undefined;
  }

  #ended({ door, address }: Grant, nowMs: number): void {
    const account = this.#of(door, address);
    this.#ending = account;
    account.isToldOpen = false;
    account.due++;
    if (!account.isOpen) return;
    account.isOpen = false;
    account.endedMs = nowMs;
    account.unpaidMs = nowMs;
  }

  #of(door: string, address: string): Account {
    const place = `${door} ${address}`;
    let account = this.#accounts.get(place);
    if (account === undefined) {
      const none = { owed: 0, started: 0, repeats: 0, owedMs: 0, endedMs: 0, startedMs: 0 };
      const paid = { due: 0, unpaidMs: Infinity };
      account = { ...none, ...paid, mayBeLost: false, isOpen: false, isToldOpen: false };
      this.#accounts.set(place, account);
    }
    return account;
  }
}
