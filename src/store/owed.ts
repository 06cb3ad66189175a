/**
 * The close commands that are owed: each runs when its grant ends, also after a reload, a restart or a
 * kill -9. Main thread only.
 *
 * A debt is claimed on disk before its command starts and settled as soon as it has started. Whoever
 * dies in between, a millisecond or so, leaves it unknown whether the command ran; then it runs again.
 * A door left open by a command that never ran is what nobody would notice; running one twice is what
 * a command can be written to stand. After a power cut the last moments may run again for the same reason.
 */

import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { StateFile, type StoreNotice } from "./state-file.ts";

/** What to run when a grant ends: as the configuration said when it opened, whatever it says by then. */
export interface Debt {
  /** `Grant.id` */
  readonly grant: string;
  readonly door: string;
  readonly address: string;
  /** Placeholders filled. */
  readonly argv: readonly string[];
  /** With the privileges of the daemon. */
  readonly privileged: boolean;
  /** When the grant was to end, as far as was known when it opened: Unix milliseconds. */
  readonly endsMs: number;
}

/** A debt that is the caller's to pay: run the command, then `settle` its number. */
export interface Claim extends Debt {
  readonly number: number;
  /** A claim of a daemon that died: the command may have run before. */
  readonly again: boolean;
}

interface Entry extends Claim {
  readonly claimed: boolean;
}

const SCHEMA = `
CREATE TABLE debts (
  number INTEGER PRIMARY KEY,
  debt TEXT NOT NULL,
  claimed INTEGER NOT NULL,
  again INTEGER NOT NULL
) STRICT;
`;

/** "SPow" */
const APPLICATION_ID = 0x53506f77;

export interface OwedOptions {
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly report: (notice: StoreNotice) => void;
}

export class OwedCommands {
  readonly #file: StateFile;
  readonly #entries = new Map<number, Entry>();
  /** The one unclaimed debt of each grant. */
  readonly #owed = new Map<string, number>();
  #next = 1;

  /** Takes over what an earlier daemon left owed. Never throws for a bad file or disk. */
  constructor(stateDir: string, { nowMs, report }: OwedOptions) {
    this.#file = new StateFile({
      path: join(stateDir, "owed.db"),
      applicationId: APPLICATION_ID,
      version: 1,
      schema: SCHEMA,
      shared: false,
      check: true,
      without: "close commands are owed as long as this daemon lives only",
      refill: (database) => this.#writeAll(database),
      report,
      nowMs,
    });
    this.#takeOver(this.#file.read(readEntries) ?? []);
    this.#file.write((database) => this.#writeAll(database));
  }

  /** Enters a debt, on disk before it returns. A grant that owes one already (it was renewed) keeps its first. */
  owe(debt: Debt): void {
    if (this.#owed.has(debt.grant)) return;
    const entry = this.#enter({ ...debt, number: this.#next++, claimed: false, again: false });
    this.#file.write((database) => insert(database, entry));
  }

  /** The grant of a debt ends at another time than thought; nothing where it owes nothing. */
  extend(grant: string, endsMs: number): void {
    const number = this.#owed.get(grant);
    if (number === undefined) return;
    const entry: Entry = { ...this.#entries.get(number)!, endsMs };
    this.#entries.set(number, entry);
    this.#file.write((database) => {
      database.query("DELETE FROM debts WHERE number = ?").run(number);
      insert(database, entry);
    }, false);
  }

  /** Hands the debt of an ended grant to exactly one caller; undefined where it owes nothing (any more). */
  claim(grant: string): Claim | undefined {
    const number = this.#owed.get(grant);
    if (number === undefined) return undefined;
    this.#owed.delete(grant);
    const entry: Entry = { ...this.#entries.get(number)!, claimed: true };
    this.#entries.set(number, entry);
    this.#file.write((database) => {
      database.query("UPDATE debts SET claimed = 1 WHERE number = ?").run(number);
    }, false);
    const { claimed: _, ...claim } = entry;
    return claim;
  }

  /** The command of a claim has started: it is never run again. */
  settle(number: number): void {
    if (!this.#entries.delete(number)) return;
    this.#file.write((database) => {
      database.query("DELETE FROM debts WHERE number = ?").run(number);
    }, false);
  }

  /** Debts that nobody has claimed, oldest first: at a start, claim those whose grant no longer lives. */
  pending(): Debt[] {
    return [...this.#owed.values()].map((number) => {
      const { grant, door, address, argv, privileged, endsMs } = this.#entries.get(number)!;
      return { grant, door, address, argv, privileged, endsMs };
    });
  }

  close(): void {
    this.#file.close();
  }

  /** Claims of a dead daemon are owed again, but where the grant was opened again since: that close covers both. */
  #takeOver(entries: readonly Entry[]): void {
    const open = new Set(entries.filter(({ claimed }) => !claimed).map(({ grant }) => grant));
    for (const entry of entries) {
      this.#next = Math.max(this.#next, entry.number + 1);
      if (!entry.claimed) this.#enter(entry);
      else if (!open.has(entry.grant)) {
        open.add(entry.grant);
        this.#enter({ ...entry, claimed: false, again: true });
      }
    }
  }

  #enter(entry: Entry): Entry {
    this.#entries.set(entry.number, entry);
    this.#owed.set(entry.grant, entry.number);
    return entry;
  }

  #writeAll(database: Database): void {
    database.run("DELETE FROM debts");
    for (const entry of this.#entries.values()) insert(database, entry);
  }
}

function insert(database: Database, { number, claimed, again, ...debt }: Entry): void {
  database
    .query("INSERT INTO debts (number, debt, claimed, again) VALUES (?, ?, ?, ?)")
    .run(number, JSON.stringify(debt), Number(claimed), Number(again));
}

interface DebtRow {
  readonly number: number;
  readonly debt: string;
  readonly claimed: number;
  readonly again: number;
}

function readEntries(database: Database): Entry[] {
  const rows = database.query<DebtRow, []>("SELECT * FROM debts ORDER BY number").all();
  return rows.map(({ number, debt, claimed, again }) =>
    Object.assign(JSON.parse(debt) as Debt, {
      number,
      claimed: claimed === 1,
      again: again === 1,
    }),
  );
}
