/**
 * Opens one database file of the state folder. It must be ours, whole and of this version;
 * otherwise an error says which it is not.
 */

import { Database } from "bun:sqlite";
import {
  closeSync,
  constants,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { identityOf } from "../files/identity.ts";
import { asOwnerOf } from "../files/owner.ts";
import { syncFolder } from "../files/place-text.ts";
import { removeFile } from "../files/remove-file.ts";
import { Damage, isOfFile, OtherVersion } from "./sqlite-error.ts";

/** The contents of a database of ours. */
export interface DatabaseContents {
  /**
   * PRAGMA application_id: four ASCII letters as a number, by which file(1) and we recognise the
   * file.
   */
  readonly applicationId: number;
  /** PRAGMA user_version of `schema`. */
  readonly version: number;
  readonly schema: string;
  /** Read every page at opening; for small files. */
  readonly check: boolean;
  /** By version: the step that turns a file of that version into one of the next. */
  readonly migrations?: Readonly<Record<number, (database: Database) => void>>;
}

export interface DatabaseSpec extends DatabaseContents {
  readonly path: string;
  /** Other processes may read while we write. Otherwise the file is locked while it is open. */
  readonly shared: boolean;
}

export interface OpenedDatabase {
  readonly database: Database;
  readonly made: boolean;
  /** Shows when somebody deleted or replaced the file. */
  /** See `identityOf`. */
  readonly identity: string;
}

/** The most moved-aside files; a disk that fails at every start must not fill up with them. */
const MOST_BAD = 2;

/** What SQLite keeps of a file in memory. Its default of 2 MB takes hours to fill, and brings nothing here. */
const CACHE_KB = 256;

/** The files that SQLite keeps beside a database. */
const COMPANIONS = ["-wal", "-shm"] as const;

/** The value of a setting; undefined where SQLite does not know it. */
export function pragma(database: Database, name: string): unknown {
  return Object.values(
    database.query<Record<string, unknown>, []>(`PRAGMA ${name}`).get() ?? {},
  )[0];
}

/**
 * Returns whether the file had to be made. A file of no bytes is a truncated one: SQLite would take
 * it as new.
 */
function ensureFile(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined) {
    if (!stat.isFile()) throw new Damage("it is not a regular file");
    if (stat.size === 0) throw new Damage("it is empty");
    // SQLite reports an I/O error for a read-only file system as soon as the file is locked; this
    // reports EROFS.
    closeSync(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
    return false;
  }
  // The log of a deleted database would be replayed into the new one.
  for (const suffix of COMPANIONS) removeFile(path + suffix);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  closeSync(openSync(path, flags, 0o600));
  return true;
}

/** The statements that made a database. */
function schemaOf(database: Database): string {
  const rows = database.query("SELECT sql FROM sqlite_schema ORDER BY name").values();
  return JSON.stringify(rows);
}

function expectedSchema({ schema }: DatabaseContents): string {
  const model = new Database(":memory:");
  try {
    model.run(schema);
    return schemaOf(model);
  } finally {
    model.close();
  }
}

/** The version of a file of ours. Throws Damage where it belongs to another program. */
function versionOf(database: Database, { applicationId }: DatabaseContents): number {
  if (pragma(database, "application_id") !== applicationId) {
    throw new Damage("it is not a file of sallyport");
  }
  return Number(pragma(database, "user_version"));
}

/**
 * Throws Damage or OtherVersion unless the file is ours, of this version and has only our tables.
 */
export function checkContents(database: Database, spec: DatabaseContents): void {
  const version = versionOf(database, spec);
  if (version !== spec.version) throw new OtherVersion(version, spec.version);
  if (schemaOf(database) !== expectedSchema(spec)) {
    throw new Damage("its tables are not those of sallyport");
  }
  if (spec.check && pragma(database, "integrity_check(1)") !== "ok") {
    throw new Damage("its pages contradict each other");
  }
}

function makeContents(database: Database, spec: DatabaseSpec): void {
  database.transaction(() => {
    database.run(spec.schema);
    database.run(`PRAGMA application_id = ${spec.applicationId}`);
    database.run(`PRAGMA user_version = ${spec.version}`);
  })();
}

/**
 * Checked before anything is set or written: a file of a later version keeps every byte. A mistake
 * in our eyes may have a meaning for its writer.
 */
function refuseLater(database: Database, spec: DatabaseSpec): void {
  const version = versionOf(database, spec);
  if (version > spec.version) throw new OtherVersion(version, spec.version);
}

/**
 * Brings a file of an older version to this one, in one transaction: a power cut leaves the one or
 * the other.
 */
function migrate(database: Database, spec: DatabaseSpec): void {
  if (versionOf(database, spec) === spec.version) return;
  database
    .transaction(() => {
      for (let version = versionOf(database, spec); version < spec.version; version++) {
        const step = spec.migrations?.[version];
        if (step === undefined) return; // nobody made this version: `checkContents` refuses it
        step(database);
        database.run(`PRAGMA user_version = ${version + 1}`);
      }
    })
    .immediate();
}

/**
 * Opens the file, and makes it (mode 0600) where it is missing, with the rights of its folder's
 * owner: SQLite follows links, and makes files beside it. Throws an error that `isDamage` accepts
 * where the file must be moved aside, an OtherVersion where it must be left alone, and the disk's
 * own error otherwise.
 */
export function openDatabase(spec: DatabaseSpec): OpenedDatabase {
  return asOwnerOf(dirname(spec.path), () => openHere(spec));
}

function openHere(spec: DatabaseSpec): OpenedDatabase {
  const made = ensureFile(spec.path);
  let database: Database | undefined;
  try {
    const identity = identityOf(statSync(spec.path));
    database = new Database(spec.path, { readwrite: true, create: false, strict: true });
    // Before the journal mode: with a lock of its own, the log needs no memory shared through a
    // file.
    if (!spec.shared) database.run("PRAGMA locking_mode = EXCLUSIVE");
    if (made) database.run("PRAGMA auto_vacuum = INCREMENTAL");
    else refuseLater(database, spec);
    database.run("PRAGMA journal_mode = WAL");
    database.run(`PRAGMA journal_size_limit = ${4 << 20}`);
    database.run(`PRAGMA cache_size = -${CACHE_KB}`);
    if (made) makeContents(database, spec);
    else {
      migrate(database, spec);
      checkContents(database, spec);
    }
    return { database, made, identity };
  } catch (error) {
    database?.close();
    // Half made on a full disk: the next start must not take it for a truncated one.
    if (made) for (const suffix of ["", ...COMPANIONS]) removeFile(spec.path + suffix);
    throw error;
  }
}

/**
 * Reads a file that cannot be opened in place, as on a read-only file system, through a copy,
 * including the last commits in its log. Undefined where that fails too. For small files.
 */
export function readCopy<T>(spec: DatabaseSpec, work: (database: Database) => T): T | undefined {
  try {
    return asOwnerOf(dirname(spec.path), () => readCopyHere(spec, work));
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return undefined;
  }
}

function readCopyHere<T>(spec: DatabaseSpec, work: (database: Database) => T): T | undefined {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-read-"));
  try {
    const path = join(folder, "copy.db");
    for (const suffix of ["", "-wal"]) {
      if (suffix !== "" && !statSync(spec.path + suffix, { throwIfNoEntry: false })) continue;
      copyFileSync(spec.path + suffix, path + suffix);
    }
    const { database, made } = openDatabase({ ...spec, path });
    try {
      return made ? undefined : work(database);
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Renames a file and its companions to NAME.bad-TIME and returns the new path. Deletes older ones
 * except the last.
 */
export function moveAside(path: string, nowMs: number): string {
  return asOwnerOf(dirname(path), () => moveAsideHere(path, nowMs));
}

function moveAsideHere(path: string, nowMs: number): string {
  const folder = dirname(path);
  const beginning = `${basename(path)}.bad-`;
  const to = join(folder, beginning + new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, ""));
  for (const suffix of ["", ...COMPANIONS]) {
    rmSync(to + suffix, { force: true, recursive: true });
    if (statSync(path + suffix, { throwIfNoEntry: false })) renameSync(path + suffix, to + suffix);
  }
  const whole = readdirSync(folder)
    .filter((name) => name.startsWith(beginning) && !/-(wal|shm)$/.test(name))
    .sort();
  for (const old of whole.slice(0, -MOST_BAD)) {
    for (const suffix of ["", ...COMPANIONS]) {
      rmSync(join(folder, old + suffix), { force: true, recursive: true });
    }
  }
  syncFolder(folder);
  return to;
}
