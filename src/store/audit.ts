/**
 * The audit log: every event goes into audit.db a moment later, in a file of bounded size. Main
 * thread only.
 */

import type { Database } from "bun:sqlite";
import { Allowance } from "../core/allowance.ts";
import { type AuditRecord, factsOf, isForgeable } from "./audit-record.ts";
import { auditFile } from "./audit-query.ts";
import { AUDIT_SCHEMA } from "./audit-schema.ts";
import { StateFile, type StoreNotice } from "./state-file.ts";
import type { Place } from "./place.ts";

/** Records wait this long for others, so that one transaction takes them all. */
const DELAY_MS = 200;

/**
 * The most waiting records. When they are more, they are written at once, and only counted where
 * the disk refuses.
 */
const MOST_WAITING = 2_048;

/**
 * Limits for records that a stranger can cause: a burst, and then few enough to push nothing
 * important out of the log.
 */
const FORGEABLE = { burst: 1_024, perSecond: 20 } as const;

/** A failed disk is tried again after this time. */
const RETRY_MS = 5_000;

/**
 * The most rows deleted at once, so that no flush takes long. So a clock set far ahead costs the
 * log only a part of its past.
 */
const MOST_TOO_OLD = 500;
const MOST_TOO_MANY = 2 * MOST_WAITING;

/** No row has so high a number. */
const AFTER_ALL = Number.MAX_SAFE_INTEGER;

/** Free pages kept for later records, and how many are given back to the file system at once. */
const SPARE_PAGES = 1_024;
const MOST_PAGES = 512;

export interface Retention {
  /** Default: 90 days. */
  readonly ageMs: number;
  /** Default: 1,000,000. */
  readonly rows: number;
  /** Of the file, without the few MiB of its log. Default: 512 MiB. */
  readonly bytes: number;
}

export const DEFAULT_RETENTION: Retention = {
  ageMs: 90 * 86_400_000,
  rows: 1_000_000,
  bytes: 512 << 20,
};

export interface AuditOptions {
  readonly report: (notice: StoreNotice) => void;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly retention?: Retention;
  /** As `StateFileSpec.place`. */
  readonly place?: Place;
}

export class AuditLog {
  readonly #file: StateFile;
  readonly #retention: Retention;
  readonly #forgeable = new Allowance(FORGEABLE.burst, FORGEABLE.perSecond);
  #waiting: AuditRecord[] = [];
  #leftOut = { count: 0, sinceMs: 0, atMs: 0 };
  #timer: Timer | undefined;
  #closed = false;
  #failing = false;
  #nowMs: number;

  /** Never throws for a bad file or disk. */
  constructor(
    stateDir: string,
    { report, nowMs, retention = DEFAULT_RETENTION, place }: AuditOptions,
  ) {
    this.#retention = retention;
    this.#nowMs = nowMs;
    this.#file = new StateFile({
      path: auditFile(stateDir),
      ...AUDIT_SCHEMA,
      shared: true,
      without: "events are not kept",
      report,
      place,
      nowMs,
    });
  }

  /**
   * Keeps a record, soon. Mostly costs a push onto a list, and never throws. A flood of records
   * that anybody could cause is counted, not kept; so is every record while the disk refuses
   * writes.
   */
  add(record: AuditRecord): void {
    if (this.#closed) return;
    const { atMs } = record;
    // Events carry the daemon's time, and the log ages by it: so this needs no clock.
    this.#nowMs = atMs;
    if (this.#waiting.length >= MOST_WAITING && !this.#failing && !isForgeable(record))
      this.flush();
    if (
      this.#waiting.length < MOST_WAITING &&
      (!isForgeable(record) || this.#forgeable.take(atMs))
    ) {
      this.#waiting.push(record);
    } else {
      if (this.#leftOut.count === 0) this.#leftOut.sinceMs = atMs;
      this.#leftOut.count++;
      this.#leftOut.atMs = atMs;
    }
    this.#wait(DELAY_MS);
  }

  /**
   * Writes the waiting records and deletes those that are too old or too many. Returns whether all
   * records are in the file.
   */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#file.nowMs = this.#nowMs;
    const { count, sinceMs, atMs } = this.#leftOut;
    const lost: AuditRecord[] = count > 0 ? [{ type: "log.left-out", atMs, sinceMs, count }] : [];
    const records = [...this.#waiting, ...lost];
    const written = this.#file.write((database) => {
      for (const record of records) insert(database, record);
      forget(database, this.#retention, this.#nowMs);
      giveBackPages(database);
    }, false);
    this.#failing = !written;
    if (!written) {
      this.#wait(RETRY_MS);
      return false;
    }
    this.#waiting = [];
    this.#leftOut = { count: 0, sinceMs: 0, atMs: 0 };
    return true;
  }

  close(): void {
    this.flush();
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#file.close();
  }

  #wait(ms: number): void {
    this.#timer ??= setTimeout(() => this.flush(), ms).unref();
  }
}

function insert(database: Database, record: AuditRecord): void {
  const { door = null, user = null, device = null, address = null } = factsOf(record);
  database
    .query(
      `INSERT INTO records (at_ms, type, door, user, device, address, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    // Capture times have a fraction of a millisecond, which is useless in an index.
    .run(Math.round(record.atMs), record.type, door, user, device, address, JSON.stringify(record));
}

function pages(database: Database, name: "page_count" | "freelist_count" | "page_size"): number {
  return Object.values(database.query<Record<string, number>, []>(`PRAGMA ${name}`).get()!)[0]!;
}

/**
 * Deletes rows that are too old, then the first ones of those that are too many. No row is older than one
 * that came before it: what was logged while the clock was behind, as on a board that starts in 1970, must not go
 * as soon as the clock is right.
 */
function forget(database: Database, { ageMs, rows, bytes }: Retention, nowMs: number): void {
  database
    .query(
      `DELETE FROM records WHERE id IN
       (SELECT id FROM records WHERE at_ms < ?1 AND id < ifnull(
          (SELECT id FROM records WHERE at_ms BETWEEN ?1 AND ?2 ORDER BY at_ms LIMIT 1), ${AFTER_ALL})
        ORDER BY at_ms LIMIT ${MOST_TOO_OLD})`,
    )
    .run(Math.round(nowMs - ageMs), Math.round(nowMs));
  const { first, last } = database
    .query<{ first: number | null; last: number | null }, []>(
      "SELECT (SELECT min(id) FROM records) AS first, (SELECT max(id) FROM records) AS last",
    )
    .get()!;
  if (first === null || last === null) return;
  const used = pages(database, "page_count") - pages(database, "freelist_count");
  const tooBig = used * pages(database, "page_size") > bytes;
  // Ids are consecutive, so their span counts the rows, except for rows deleted out of turn for
  // their age.
  const excess = tooBig ? MOST_TOO_MANY : Math.min(last - first + 1 - rows, MOST_TOO_MANY);
  if (excess > 0) database.query("DELETE FROM records WHERE id < ?").run(first + excess);
}

function giveBackPages(database: Database): void {
  const spare = pages(database, "freelist_count") - SPARE_PAGES;
  // Read to its end, because every row that it yields is a page given back.
  if (spare > 0) database.query(`PRAGMA incremental_vacuum(${Math.min(spare, MOST_PAGES)})`).all();
}
