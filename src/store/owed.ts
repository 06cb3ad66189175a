/**
 * The close commands that are owed: each runs when its grant ends, even after a reload, a restart
 * or a kill -9. Main thread only.
 *
 * A debt is due from the end of its grant until its command has started, however long that takes.
 * The disk records before that the command is about to start, and the debt is settled as soon as it
 * has started. If the daemon dies in between, within a few milliseconds, nobody knows whether the
 * command ran; then it runs again. Nobody would notice a door left open by a command that never
 * ran, whereas a command can be written to run twice without harm. After a power cut the last
 * moments may run again for the same reason.
 */

import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { DatabaseContents } from "./database.ts";
import { isForeign } from "../files/owner.ts";
import { StateFile, type StoreNotice } from "./state-file.ts";
import type { Place } from "./place.ts";

/**
 * The command to run when a grant ends: as configured when the grant opened, whatever the
 * configuration says by then.
 */
export interface Debt {
  /** `Grant.id` */
  readonly grant: string;
  readonly door: string;
  readonly address: string;
  /** Placeholders are filled in. */
  readonly argv: readonly string[];
  /** With the privileges of the daemon. */
  readonly privileged: boolean;
  /** When the grant was expected to end when it opened, in Unix milliseconds. */
  readonly endsMs: number;
  /**
   * How long the grant had to live when `endsMs` was set: no clock that was set back since makes it
   * longer. Absent where an earlier sallyport wrote the debt.
   */
  readonly lifeMs?: number;
}

/** A debt that the caller must pay: `begin` its number, run the command, then `settle` it. */
export interface Claim extends Debt {
  readonly number: number;
  /** A daemon died while it started the command, so it may have run before. */
  readonly again: boolean;
}

/**
 * The values of the column `claimed`. Before the others were distinguished, 1 was the only one
 * written.
 */
const State = { living: 0, begun: 1, due: 2 } as const;

/**
 * Debts that follow one another this closely wait for the disk (fsync) together; a process that
 * dies loses none.
 */
const SYNC_MS = 20;

interface Entry extends Claim {
  readonly state: (typeof State)[keyof typeof State];
}

const SCHEMA = `
CREATE TABLE debts (
  number INTEGER PRIMARY KEY,
  debt TEXT NOT NULL,
  claimed INTEGER NOT NULL,
  again INTEGER NOT NULL
) STRICT;
`;

/** The schema of owed.db. */
export const OWED_SCHEMA: DatabaseContents = {
  /** "SPow" */
  applicationId: 0x53506f77,
  version: 1,
  schema: SCHEMA,
  check: true,
};

export interface OwedOptions {
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly report: (notice: StoreNotice) => void;
  /** As `StateFileSpec.place`. */
  readonly place?: Place;
}

export class OwedCommands {
  readonly #file: StateFile;
  readonly #entries = new Map<number, Entry>();
  /**
   * Kept for another start: debts of the folder's owner, where root works in it, or those learnt
   * too late.
   */
  #left: readonly Entry[] = [];
  /** Whether the debts of the file are known; a file that could not be read may come back. */
  #learnt: boolean;
  /** The debt of each living grant. */
  readonly #living = new Map<string, number>();
  #next = 1;
  #syncing: NodeJS.Timeout | undefined;
  #unsynced = false;

  /** Takes over the debts of an earlier daemon. Never throws for a bad file or disk. */
  constructor(stateDir: string, { nowMs, report, place }: OwedOptions) {
    this.#file = new StateFile({
      path: join(stateDir, "owed.db"),
      ...OWED_SCHEMA,
      shared: false,
      without: "close commands are remembered only as long as this daemon lives",
      refill: (database) => this.#refill(database),
      report,
      place,
      nowMs,
    });
    const contents = this.#file.read(readContents);
    this.#learnt = contents !== undefined;
    const { entries: found, broken } = contents ?? { entries: [], broken: 0 };
    if (broken > 0) this.#file.replace(`${broken} of its rows were changed by another program`);
    for (const { number } of found) this.#next = Math.max(this.#next, number + 1);
    if (found.length > 0 && isForeign(stateDir)) this.#left = found;
    else this.#takeOver(found);
    this.#file.write((database) => this.#writeAll(database));
  }

  /**
   * Enters a debt. It is in the file when this returns, and on the disk too unless another came
   * just before. A grant that already owes one (it was renewed) keeps its first.
   */
  owe(debt: Debt): void {
    if (this.#living.has(debt.grant)) return;
    const entry: Entry = { ...debt, number: this.#next++, state: State.living, again: false };
    this.#enter(entry);
    this.#unsynced = this.#syncing !== undefined;
    this.#file.write((database) => insert(database, entry), !this.#unsynced);
    this.#syncing ??= setTimeout(() => this.#sync(), SYNC_MS).unref();
  }

  #sync(): void {
    this.#syncing = undefined;
    if (!this.#unsynced) return;
    this.#unsynced = false;
    // Waiting for the disk takes all earlier debts along.
    this.#file.write((database) => database.run(`PRAGMA user_version = ${OWED_SCHEMA.version}`));
    this.#syncing = setTimeout(() => this.#sync(), SYNC_MS).unref();
  }

  /**
   * The grant of a debt ends at another time than expected, after `lifeMs`. Does nothing for a
   * grant that owes nothing.
   */
  extend(grant: string, endsMs: number, lifeMs: number): void {
    const number = this.#living.get(grant);
    if (number === undefined) return;
    const before = this.#entries.get(number)!;
    // With several holders, one may leave before the others.
    const longer = Math.max(before.lifeMs ?? 0, lifeMs);
    const entry: Entry = { ...before, endsMs: Math.max(before.endsMs, endsMs), lifeMs: longer };
    this.#entries.set(number, entry);
    this.#file.write((database) => {
      database.query("DELETE FROM debts WHERE number = ?").run(number);
      insert(database, entry);
    }, false);
  }

  /**
   * Hands the debt of an ended grant to exactly one caller; undefined where it owes nothing, or no
   * longer does.
   */
  end(grant: string): Claim | undefined {
    const number = this.#living.get(grant);
    if (number === undefined) return undefined;
    this.#living.delete(grant);
    this.#move(number, State.due);
    return claimOf(this.#entries.get(number)!);
  }

  /** The command of a claim is about to start. */
  begin(number: number): void {
    this.#move(number, State.begun);
  }

  /** The command could not be started now, and is tried again later. */
  postpone(number: number): void {
    this.#move(number, State.due);
  }

  /** The command of a claim has started: it is never run again. */
  settle(number: number): void {
    if (!this.#entries.delete(number)) return;
    this.#file.write((database) => {
      database.query("DELETE FROM debts WHERE number = ?").run(number);
    }, false);
  }

  /**
   * Debts of grants without a known end, oldest first. At a start, end those that are no longer
   * alive.
   */
  living(): Debt[] {
    return [...this.#living.values()].map((number) => {
      const { number: _, state: __, again: ___, ...debt } = this.#entries.get(number)!;
      return debt;
    });
  }

  /** The due debts, oldest first: at a start, those that an earlier daemon did not reach. */
  due(): Claim[] {
    return [...this.#entries.values()]
      .filter(({ state }) => state !== State.living)
      .map((entry) => claimOf(entry));
  }

  /**
   * How many debts of the file this process does not run: at a start, since another user could have
   * written them.
   */
  get leftCount(): number {
    return this.#left.length;
  }

  /** How many close commands have not started although their grants are over. */
  get dueCount(): number {
    return this.#entries.size - this.#living.size;
  }

  /**
   * Writes what the disk did not take before; call it every minute or so. No later debt may come,
   * and a debt that only the file still has would be paid again.
   */
  retry(): void {
    if (!this.#file.complete) this.#file.write(() => {});
  }

  close(): void {
    clearTimeout(this.#syncing);
    this.#sync();
    clearTimeout(this.#syncing);
    this.retry();
    this.#file.close();
  }

  /** Due debts stay due. */
  #takeOver(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.state === State.living) {
        // Another daemon may have owed it too, beside one that was left alone.
        if (!this.#living.has(entry.grant)) this.#enter(entry);
      } else {
        const again = entry.again || entry.state === State.begun;
        this.#enter({ ...entry, state: State.due, again });
      }
    }
  }

  #enter(entry: Entry): void {
    this.#entries.set(entry.number, entry);
    if (entry.state === State.living) this.#living.set(entry.grant, entry.number);
  }

  #move(number: number, state: Entry["state"]): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) return;
    this.#entries.set(number, { ...entry, state });
    this.#file.write((database) => {
      database.query("UPDATE debts SET claimed = ? WHERE number = ?").run(state, number);
    }, false);
  }

  /** Only memory remains, unless the file could not be read before: its debts must not be lost. */
  #refill(database: Database): void {
    if (!this.#learnt) {
      const late = readContents(database).entries;
      this.#left = [...this.#left, ...late.map((entry) => ({ ...entry, number: this.#next++ }))];
      this.#learnt = true;
    }
    this.#writeAll(database);
  }

  #writeAll(database: Database): void {
    database.run("DELETE FROM debts");
    for (const entry of [...this.#left, ...this.#entries.values()]) insert(database, entry);
  }
}

function claimOf(entry: Entry): Claim {
  const { state: _, ...claim } = entry;
  return claim;
}

function insert(database: Database, { number, state, again, ...debt }: Entry): void {
  database
    .query("INSERT INTO debts (number, debt, claimed, again) VALUES (?, ?, ?, ?)")
    .run(number, JSON.stringify(debt), state, Number(again));
}

interface DebtRow {
  readonly number: number;
  readonly debt: string;
  readonly claimed: number;
  readonly again: number;
}

interface Contents {
  readonly entries: readonly Entry[];
  /** Rows that no sallyport wrote. */
  readonly broken: number;
}

function readContents(database: Database): Contents {
  const rows = database.query<DebtRow, []>("SELECT * FROM debts ORDER BY number").all();
  const entries = rows.map(entryOf).filter((entry) => entry !== undefined);
  return { entries, broken: rows.length - entries.length };
}

function entryOf({ number, debt, claimed, again }: DebtRow): Entry | undefined {
  const words = readDebt(debt);
  if (words === undefined) return undefined;
  const state = Object.values(State).find((known) => known === claimed) ?? State.due;
  return { ...words, number, state, again: again === 1 };
}

function readDebt(text: string): Debt | undefined {
  let debt: Partial<Debt> | null;
  try {
    debt = JSON.parse(text) as Partial<Debt> | null;
  } catch {
    return undefined;
  }
  const { grant, door, address, argv, privileged, endsMs, lifeMs } = debt ?? {};
  const named = [grant, door, address].every((word) => typeof word === "string");
  const isArgv = Array.isArray(argv) && argv.every((word) => typeof word === "string");
  if (!named || !isArgv || argv.length === 0) return undefined;
  if (typeof privileged !== "boolean" || typeof endsMs !== "number") return undefined;
  const words = { grant: grant!, door: door!, address: address!, argv, privileged, endsMs };
  return typeof lifeMs === "number" ? { ...words, lifeMs } : words;
}
