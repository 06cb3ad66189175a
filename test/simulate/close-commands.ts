/** Counts what close commands are owed and started, by door and address. */

import type { Grant } from "../../src/core/grant.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Door } from "../../src/config/settings.ts";
import { Violation } from "./oracle.ts";

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
  startedMs: number;
  /** Its start is under way: the debt is not settled. */
  starting: boolean;
}

/** Debts that follow one another closely wait for the disk together. */
const SYNC_MS = 25;

export class CloseCommands {
  readonly #accounts = new Map<string, Account>();

  /** The control plane has handled an event. */
  heard(event: DaemonEvent, doors: readonly Door[], nowMs: number, diskRefuses: boolean): void {
    if (event.type === "grant.closed" && event.shared !== true) this.#ended(event.grant, nowMs);
    if (event.type !== "grant.opened" || event.renewed || event.shared === true) return;
    const { door, address } = event.grant;
    if (doors.find(({ name }) => name === door)?.run?.close === undefined) return;
    const account = this.#of(door, address);
    account.owed++;
    account.owedMs = nowMs;
    account.isOpen = true;
    account.mayBeLost = diskRefuses;
  }

  started(door: string, address: string, nowMs: number): void {
    const account = this.#of(door, address);
    account.started++;
    account.startedMs = nowMs;
    account.starting = true;
  }

  /** The disk knows of all starts so far. */
  settled(): void {
    for (const account of this.#accounts.values()) account.starting = false;
  }

  /** The process died; with the power went what no fsync had reached. */
  died(nowMs: number, powerCut: boolean, diskRefuses: boolean): void {
    for (const account of this.#accounts.values()) {
      if (account.starting || powerCut || diskRefuses) account.repeats++;
      if (diskRefuses || (powerCut && nowMs - account.owedMs < SYNC_MS)) account.mayBeLost = true;
      account.starting = false;
    }
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
    if (!account.isOpen) return;
    account.isOpen = false;
    account.endedMs = nowMs;
  }

  #of(door: string, address: string): Account {
    const place = `${door} ${address}`;
    let account = this.#accounts.get(place);
    if (account === undefined) {
      const none = { owed: 0, started: 0, repeats: 0, owedMs: 0, endedMs: 0, startedMs: 0 };
      account = { ...none, mayBeLost: false, starting: false, isOpen: false };
      this.#accounts.set(place, account);
    }
    return account;
  }
}
