/** Reads audit.db, beside the daemon that writes it or without a daemon. */

import { Database, constants } from "bun:sqlite";
import { closeSync, constants as flags, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { AUDIT_FILE } from "../core/state-files.ts";
import { endIfHeldUp } from "../files/hold-up.ts";
import { identityAt, identityOf } from "../files/identity.ts";
import { asOwnerOf, isForeign } from "../files/owner.ts";
import { AUDIT_SCHEMA } from "./audit-schema.ts";
import { checkContents, pragma } from "./database.ts";
import type { AuditFacts, AuditRecord } from "./audit-record.ts";
import { codeOf, Damage, isOfFile, meaningOf, OtherVersion } from "./sqlite-error.ts";

export function auditFile(stateDir: string): string {
  return join(stateDir, AUDIT_FILE);
}

/** The conditions of a search; all of them must hold. */
export interface AuditFilter {
  /** Unix milliseconds, inclusive. */
  readonly sinceMs?: number;
  /** Unix milliseconds, exclusive. */
  readonly untilMs?: number;
  readonly door?: string;
  readonly user?: string;
  readonly device?: string;
  /** Any of these texts, as the address of a record or as the first of a reuse's two. */
  readonly addresses?: readonly string[];
  /** A whole type, or the word before its dot: "grant.opened", "grant". */
  readonly type?: string;
  /** How many of the newest. Default: all. */
  readonly limit?: number;
  /** Only entries up to this one in the order of arrival. */
  readonly upToId?: number;
}

export interface AuditEntry extends AuditFacts {
  /** Counts up in the order of arrival. */
  readonly id: number;
  readonly atMs: number;
  /** The type of an `AuditRecord`, or of another version's. */
  readonly type: string;
  readonly detail: AuditRecord;
}

/** The last opening of a door to an address. */
export interface LastOpening {
  readonly door: string;
  /** In the form of a grant's address. */
  readonly address: string;
  /** Both undefined where a hand or a fixed sequence opened it. */
  readonly user?: string;
  readonly device?: string;
  readonly atMs: number;
}

/** The last opening, where a knock with a key opened the door. */
export type LastOpener = Required<LastOpening>;

/** Which last openings are asked for; without a list, all. */
export interface OpeningsOf {
  /** To any of these texts of an address. */
  readonly addresses?: readonly string[];
  /** Of doors to addresses that one of these users has opened, though another may have done so last. */
  readonly users?: readonly string[];
}

type OpenerRow = Pick<EntryRow, "door" | "address" | "user" | "device" | "at_ms">;

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

/**
 * How many rows are read with the folder owner's rights before they are handed on with the
 * caller's.
 */
const AT_ONCE = 500;

/** Opening takes a few milliseconds; a pipe in the file's place would take for ever. */
const MOST_OPENING_MS = 5_000;

/** Conditions as SQL with "?" and their values; only text of this file ever becomes SQL. */
function conditions(filter: AuditFilter): { readonly where: string; readonly values: Value[] } {
  const parts: string[] = [];
  const values: Value[] = [];
  const add = (sql: string, ...given: (Value | undefined)[]) => {
    if (given.includes(undefined)) return;
    parts.push(sql);
    values.push(...(given as Value[]));
  };
  add("id <= ?", filter.upToId);
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
  readonly #folder: string;
  readonly #file: string;
  readonly #opened: Opened;

  /** Throws a SallyportError where there is no log, or none that this user may read. */
  constructor(stateDir: string) {
    this.#folder = stateDir;
    this.#file = auditFile(stateDir);
    const open = () => this.#read(() => openToRead(this.#file));
    this.#opened = this.#guard(() =>
      isForeign(stateDir) ? endIfHeldUp(MOST_OPENING_MS, heldUp(this.#file), open) : open(),
    );
  }

  get #database(): Database {
    return this.#opened.database;
  }

  /** Distinguishes the file from another one of its name. */
  get identity(): string {
    return this.#opened.identity;
  }

  /** Whether new entries stay invisible here, because the file was opened as immutable. */
  get frozen(): boolean {
    return this.#opened.frozen;
  }

  /** Whether another file, or none, is at the path by now. */
  get stale(): boolean {
    return this.#read(() => identityAt(this.#file)) !== this.#opened.identity;
  }

  /** The id of the entry that arrived last; 0 in an empty log. */
  lastId(): number {
    const last = "SELECT max(id) AS id FROM records";
    const row = this.#guard(() =>
      this.#read(() => this.#database.query<{ id: number | null }, []>(last).get()),
    );
    return row?.id ?? 0;
  }

  /** The first entries after an id, at most `most`, in the order of arrival. */
  after(id: number, filter: AuditFilter, most: number): AuditEntry[] {
    const { where, values } = conditions(filter);
    const sql = `SELECT * FROM records WHERE id > ? AND ${where} ORDER BY id LIMIT ?`;
    const rows = this.#guard(() =>
      this.#read(() => this.#database.query<EntryRow, Value[]>(sql).all(id, ...values, most)),
    );
    return rows.map(entryOf);
  }

  /**
   * By time, the newest last; rows are read on demand. Throws a SallyportError where the file is
   * damaged.
   */
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
      for (let lot = this.#take(rows); lot.length > 0; lot = this.#take(rows)) {
        for (const row of lot) yield entryOf(row);
      }
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /**
   * The last opening of each door to each address, whoever made it. Takes no memory for those that are not asked for: a
   * log of months has hundreds of thousands.
   */
  lastOpenings(of: OpeningsOf = {}): LastOpening[] {
    const opened = "FROM records WHERE type = 'grant.opened'";
    const asked = "IN (SELECT value FROM json_each(?))";
    const only: string[] = [];
    if (of.addresses !== undefined) only.push(`AND address ${asked}`);
    if (of.users !== undefined) {
      only.push(`AND (door, address) IN (SELECT door, address ${opened} AND user ${asked})`);
    }
    const lists = [of.addresses, of.users].filter((list) => list !== undefined);
    return this.#guard(() =>
      this.#read(() =>
        this.#database
          .query<OpenerRow, string[]>(
            // SQLite takes the bare columns from the row that has the maximum. Not of the time: a clock that was
            // ahead says nothing of who came last.
            `SELECT door, address, user, device, at_ms, max(id) ${opened} ${only.join(" ")}
             GROUP BY door, address`,
          )
          .all(...lists.map((list) => JSON.stringify(list)))
          .flatMap(({ door, address, user, device, at_ms: atMs }) => {
            if (door === null || address === null) return [];
            const holder = user === null || device === null ? {} : { user, device };
            return [{ door, address, ...holder, atMs }];
          }),
      ),
    );
  }

  /** Those of `lastOpenings` that a user made. */
  lastOpeners(of: OpeningsOf = {}): LastOpener[] {
    return this.lastOpenings(of).flatMap(({ user, device, ...opening }) =>
      user === undefined || device === undefined ? [] : [{ ...opening, user, device }],
    );
  }

  /** The types that occur, in alphabetical order. */
  types(): string[] {
    return this.#guard(() =>
      this.#read(() =>
        this.#database
          .query<{ type: string }, []>("SELECT DISTINCT type FROM records ORDER BY type")
          .all()
          .map(({ type }) => type),
      ),
    );
  }

  [Symbol.dispose](): void {
    this.#read(() => this.#database.close());
  }

  /**
   * SQLite follows links and opens files beside the database: so it works with the folder owner's
   * rights only.
   */
  #read<T>(work: () => T): T {
    return asOwnerOf(this.#folder, work);
  }

  #take(rows: Iterator<EntryRow>): EntryRow[] {
    return this.#read(() => {
      const lot: EntryRow[] = [];
      while (lot.length < AT_ONCE) {
        const { done, value } = rows.next();
        if (done === true) break;
        lot.push(value);
      }
      return lot;
    });
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    return isOfFile(error) ? refusal(this.#file, error) : error;
  }
}

function heldUp(file: string): string {
  return `Cannot show the log: opening ${file} does not end: see whether a pipe is in its place or beside it`;
}

/** O_NONBLOCK: a named pipe must not hold us up. */
const READ = flags.O_RDONLY | flags.O_NOFOLLOW | flags.O_NONBLOCK;

interface Opened {
  readonly database: Database;
  readonly identity: string;
  /** Opened as immutable. */
  readonly frozen: boolean;
}

/** Checked first, because SQLite says "unable to open" for both a missing and a forbidden file. */
function checkFile(file: string): string {
  const fd = openSync(file, READ);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Damage("it is not a regular file");
    return identityOf(stat);
  } finally {
    closeSync(fd);
  }
}

function openToRead(file: string): Opened {
  const identity = checkFile(file);
  const database = new Database(file, { readonly: true, strict: true });
  try {
    // Only tables, in our form: a view of this name could be a query that never ends.
    checkContents(database, AUDIT_SCHEMA);
    // From here on SQLite opens no more names: its log is open, and another kind of file has none.
    if (pragma(database, "journal_mode") !== "wal") throw new Damage("it has no log");
    return { database, identity, frozen: false };
  } catch (error) {
    database.close();
    if (!/^SQLITE_(CANTOPEN|READONLY)/.test(codeOf(error) ?? "")) throw error;
    refuseShortage();
    return { database: openImmutable(file), identity, frozen: true };
  }
}

/** The file, its log and the memory that its readers share. */
const DESCRIPTORS = 3;

/**
 * Throws the system's error where a descriptor was lacking: SQLite calls that "unable to open" as well. Without its log,
 * which a daemon empties seldom, the file lacks what is new, and one without any page yet would pass for damaged.
 */
function refuseShortage(): void {
  const opened: number[] = [];
  try {
    // Not the file: closing it would give up the locks that this process may have on it.
    while (opened.length < DESCRIPTORS) opened.push(openSync("/dev/null", READ));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** A read-only file system has no place for the reader's locks; nobody writes there either. */
function openImmutable(file: string): Database {
  const url = `file:${encodeURI(file).replaceAll(/[?#]/g, encodeURIComponent)}?immutable=1`;
  const database = new Database(url, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
  try {
    checkContents(database, AUDIT_SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
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
  if (error instanceof OtherVersion) {
    const { found, known } = error;
    const [writer, remedy] = error.isLater
      ? ["a later", "run that one"]
      : ["an earlier", "start sallyport serve, which takes it over"];
    return new SallyportError(
      `Cannot show the log: ${writer} sallyport wrote ${file} (version ${found}, this one knows ${known}): ${remedy}`,
    );
  }
  if (error instanceof Damage || /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code)) {
    return new SallyportError(
      `Cannot show the log: ${file} is damaged: sallyport serve puts it aside and begins a new one as soon as it writes`,
    );
  }
  const { state, remedy } = meaningOf(error, file);
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
    detail: recordOf(detail, type, atMs),
  };
}

/** Text that is not JSON comes from another program; the columns are still useful. */
function recordOf(detail: string, type: string, atMs: number): AuditRecord {
  try {
    return JSON.parse(detail) as AuditRecord;
  } catch {
    return { type, atMs } as AuditRecord;
  }
}
