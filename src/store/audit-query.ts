/** Reads audit.db, beside the daemon that writes it or without one. */

import { Database, constants } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { AuditFacts, AuditRecord } from "./audit-record.ts";
import { codeOf, meaningOf } from "./sqlite-error.ts";

export function auditFile(stateDir: string): string {
  return join(stateDir, "audit.db");
}

/** What to look for; every condition given has to hold. */
export interface AuditFilter {
  /** Unix milliseconds, inclusive. */
  readonly sinceMs?: number;
  /** Unix milliseconds, exclusive. */
  readonly untilMs?: number;
  readonly door?: string;
  readonly user?: string;
  readonly device?: string;
  /** Any of these texts, as the address of a record or as the first of the two that a reuse names. */
  readonly addresses?: readonly string[];
  /** A whole type, or the word before its dot: "grant.opened", "grant". */
  readonly type?: string;
  /** The newest so many. Default: all. */
  readonly limit?: number;
}

export interface AuditEntry extends AuditFacts {
  /** Counts up in the order of arrival. */
  readonly id: number;
  readonly atMs: number;
  /** That of an `AuditRecord`, or of another version's. */
  readonly type: string;
  readonly detail: AuditRecord;
}

interface EntryRow {
  readonly id: number;
  readonly at_ms: number;
  readonly type: string;
  readonly door: string | null;
  readonly user: string | null;
  readonly device: string | null;
  readonly address: string | null;
  readonly detail: string;
}

type Value = string | number;

/** Conditions as SQL with "?" and their values; only text of this file ever becomes SQL. */
function conditions(filter: AuditFilter): { readonly where: string; readonly values: Value[] } {
  const parts: string[] = [];
  const values: Value[] = [];
  const add = (sql: string, ...given: (Value | undefined)[]) => {
    if (given.includes(undefined)) return;
    parts.push(sql);
    values.push(...(given as Value[]));
  };
  add("at_ms >= ?", filter.sinceMs);
  add("at_ms < ?", filter.untilMs);
  for (const name of ["door", "user", "device"] as const) add(`${name} = ?`, filter[name]);
  const { type } = filter;
  add("(type = ? OR substr(type, 1, length(?) + 1) = ? || '.')", type, type, type);
  if (filter.addresses !== undefined) {
    const marks = filter.addresses.map(() => "?").join(", ");
    const both = [...filter.addresses, ...filter.addresses];
    add(`(address IN (${marks}) OR detail ->> 'firstAddress' IN (${marks}))`, ...both);
  }
  return { where: parts.length === 0 ? "1" : parts.join(" AND "), values };
}

export class AuditReader implements Disposable {
  readonly #database: Database;
  readonly #file: string;

  /** Throws a SallyportError where there is no log, or none that this user may read. */
  constructor(stateDir: string) {
    this.#file = auditFile(stateDir);
    this.#database = this.#guard(() => openToRead(this.#file));
  }

  /** By time, the newest last, read as they are asked for. Throws a SallyportError where the file is damaged. */
  *query(filter: AuditFilter): Generator<AuditEntry> {
    const { where, values } = conditions(filter);
    const all = `SELECT * FROM records WHERE ${where}`;
    const newest = `SELECT * FROM (${all} ORDER BY at_ms DESC, id DESC LIMIT ?)`;
    const some = filter.limit === undefined ? all : newest;
    const limit = filter.limit === undefined ? [] : [filter.limit];
    try {
      const rows = this.#database
        .query<EntryRow, Value[]>(`${some} ORDER BY at_ms, id`)
        .iterate(...values, ...limit);
      for (const row of rows) yield entryOf(row);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** The types that occur, in order of the alphabet. */
  types(): string[] {
    return this.#guard(() =>
      this.#database
        .query<{ type: string }, []>("SELECT DISTINCT type FROM records ORDER BY type")
        .all()
        .map(({ type }) => type),
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    return codeOf(error) === undefined ? error : refusal(this.#file, error);
  }
}

function openToRead(file: string): Database {
  // Asked first, because SQLite says "unable to open" of a missing file and of a forbidden one alike.
  closeSync(openSync(file, "r"));
  const database = new Database(file, { readonly: true, strict: true });
  try {
    database.query("SELECT 1 FROM records LIMIT 1").get();
    return database;
  } catch (error) {
    database.close();
    if (!/^SQLITE_(CANTOPEN|READONLY)/.test(codeOf(error) ?? "")) throw error;
    // A file system that is read-only has no place for the reader's locks; then nobody writes either.
    const url = `file:${encodeURI(file).replaceAll(/[?#]/g, encodeURIComponent)}?immutable=1`;
    return new Database(url, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
  }
}

function refusal(file: string, error: unknown): SallyportError {
  const code = codeOf(error) ?? "";
  if (code === "ENOENT") {
    return new SallyportError(
      `Cannot show the log: there is no ${file} yet: sallyport serve makes it; --config names the configuration it runs with`,
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new SallyportError(
      `Cannot show the log: this user may not read ${file}: run as root or as the user that owns it`,
      ExitCode.privilege,
    );
  }
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code)) {
    return new SallyportError(
      `Cannot show the log: ${file} is damaged: sallyport serve puts it aside and begins a new one as soon as it writes`,
    );
  }
  const { state, remedy } = meaningOf(error);
  return new SallyportError(`Cannot show the log: ${file}: ${state}: ${remedy}`);
}

function entryOf(row: EntryRow): AuditEntry {
  const { id, at_ms: atMs, type, door, user, device, address, detail } = row;
  return {
    id,
    atMs,
    type,
    ...(door !== null && { door }),
    ...(user !== null && { user }),
    ...(device !== null && { device }),
    ...(address !== null && { address }),
    detail: JSON.parse(detail) as AuditRecord,
  };
}
