/**
 * A database file that may fail at any time: a failure is reported once, and the missed data is
 * written when it works again.
 */

import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import { identityAt } from "../files/identity.ts";
import { asNobody, asOwnerOf } from "../files/owner.ts";
import type { DatabaseSpec, OpenedDatabase } from "./database.ts";
import { moveAside, openDatabase, readCopy } from "./database.ts";
import { Elsewhere, Place } from "./place.ts";
import { codeOf, isDamage, isHeld, isLater, isOfFile, meaningOf } from "./sqlite-error.ts";

/**
 * "failing": from now on writes do not reach the disk. "working": they reach it again. "replaced":
 * a file was damaged or deleted, and a fresh one takes its place. `message` is one finished
 * sentence.
 */
export interface StoreNotice {
  readonly state: "failing" | "working" | "replaced";
  readonly file: string;
  readonly message: string;
  /** Another file system with the state of another run is mounted over the folder: only a start can take that in. */
  readonly elsewhere?: true;
}

export interface StateFileSpec extends DatabaseSpec {
  /** The consequence of a missing file, a clause: "events are not kept". */
  readonly without: string;
  /** Writes everything from memory, after a time in which the file missed something. */
  readonly refill?: (database: Database) => void;
  readonly report: (notice: StoreNotice) => void;
  /** Shared by the files of a folder. Default: its own. */
  readonly place?: Place | undefined;
  /** Unix milliseconds, for the name of a file moved aside; `StateFile.nowMs` updates it. */
  readonly nowMs: number;
}

/**
 * The state of the path when it was opened; "later": a file of a later sallyport, which stays as it
 * is.
 */
export type Found = "nothing" | "intact" | "damaged" | "unwritable" | "later";

export class StateFile {
  readonly found: Found;
  /** Set it whenever the time is at hand. */
  nowMs: number;
  readonly #spec: StateFileSpec;
  readonly #place: Place;
  #opened: OpenedDatabase | undefined;
  #failing = false;
  #closed = false;
  /** At the last failure, the state of another run was mounted over the folder. */
  #elsewhere = false;
  /**
   * At the last attempt another process held it, or it was of a later version: a copy would be
   * useless.
   */
  #unreadable = false;
  /** The file lacks data that only memory has. */
  #behind = false;

  /** Never throws for a file or a disk: without either it fails every write and reports it. */
  constructor(spec: StateFileSpec) {
    this.#spec = spec;
    this.#place = spec.place ?? new Place(dirname(spec.path));
    this.nowMs = spec.nowMs;
    this.found = this.#open();
  }

  /** Whether everything given to `write` is in the file. */
  get complete(): boolean {
    return this.#opened !== undefined && !this.#behind;
  }

  /**
   * Undefined where the file cannot be read. Damage found while reading moves the file aside. Reads
   * a file that cannot be written through a copy, so use it only for small ones.
   */
  read<T>(work: (database: Database) => T): T | undefined {
    // A copy of a file that another process is writing could mix two moments.
    if (this.#opened === undefined)
      return this.#unreadable ? undefined : readCopy(this.#spec, work);
    const { database } = this.#opened;
    try {
      return this.#asOwner(() => work(database));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /**
   * Runs one transaction. Returns whether it is in the file. `durable` waits until the disk has it
   * (fsync); without, it survives the death of this process but may be lost with the power. Never
   * throws for a disk.
   */
  write(work: (database: Database) => void, durable = true): boolean {
    if (this.#closed) return false;
    if (this.#try(work, durable)) return true;
    // A damaged file has been moved aside by now, and the second attempt makes a fresh one.
    return !this.#failing && this.#try(work, durable);
  }

  /** Puts the file aside as damaged; the next write makes a fresh one and refills it. */
  replace(reason: string): void {
    this.#moveAside(reason);
  }

  /** Refuses all later writes. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #open(): Found {
    try {
      this.#opened = openDatabase(this.#spec);
      return this.#opened.made ? "nothing" : "intact";
    } catch (error) {
      const damaged = isDamage(error);
      this.#fail(error);
      if (isLater(error)) return "later";
      if (!damaged || this.#failing) return "unwritable";
    }
    try {
      this.#opened = openDatabase(this.#spec);
    } catch (error) {
      this.#fail(error);
    }
    return "damaged";
  }

  #try(work: (database: Database) => void, durable: boolean): boolean {
    try {
      const database = this.#current();
      const change = this.#behind ? (this.#spec.refill ?? work) : work;
      this.#asOwner(() => {
        database.run(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
        database.transaction(() => change(database)).immediate();
      });
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#behind = false;
    if (this.#failing) {
      this.#failing = false;
      this.#report(
        "working",
        `${this.#spec.path} is written again, and nothing remembered was lost`,
      );
    }
    return true;
  }

  /**
   * The open database; opened again where it was given up, or where another file is at its path.
   */
  #current(): Database {
    const { path } = this.#spec;
    const before = this.#opened;
    this.#place.check();
    if (before !== undefined) {
      if (identityAt(path) === before.identity) return before.database;
      this.#drop();
      this.#behind = true;
    }
    this.#opened = openDatabase(this.#spec);
    if (before !== undefined) {
      this.#report(
        "replaced",
        `${path} was deleted or replaced while in use: everything remembered goes into the one that is there now`,
      );
    }
    return this.#opened.database;
  }

  #fail(error: unknown): void {
    if (!isOfFile(error)) throw error;
    this.#drop();
    this.#behind = true;
    if (isDamage(error)) this.#moveAside(error.message);
    else this.#failed(error);
  }

  #moveAside(reason: string): void {
    this.#drop();
    this.#behind = true;
    const { path } = this.#spec;
    try {
      const aside = moveAside(path, this.nowMs);
      this.#report(
        "replaced",
        `Cannot use ${path}: ${reason}: it is kept as ${aside}, a new one is made`,
      );
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#unreadable = isHeld(error) || isLater(error);
    // A folder that could not be written to before is mounted over as well.
    const isNews = !this.#failing || (error instanceof Elsewhere && !this.#elsewhere);
    this.#failing = true;
    this.#elsewhere = error instanceof Elsewhere;
    if (!isNews) return;
    const { path, without } = this.#spec;
    const { state, remedy } = meaningOf(error, path);
    const message = `Cannot write ${path}: ${state}: ${without}: ${remedy}`;
    const elsewhere = this.#elsewhere && ({ elsewhere: true } as const);
    this.#spec.report({ state: "failing", file: path, message, ...elsewhere });
  }

  #report(state: StoreNotice["state"], message: string): void {
    this.#spec.report({ state, file: this.#spec.path, message });
  }

  #asOwner<T>(work: () => T): T {
    return asOwnerOf(dirname(this.#spec.path), work);
  }

  #drop(): void {
    const database = this.#opened?.database;
    this.#opened = undefined;
    if (database === undefined) return;
    let isClosed = false;
    const close = () => {
      isClosed = true;
      // Moves its log into the file and removes the log.
      database.close();
    };
    try {
      this.#asOwner(close);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
    // The folder is gone, perhaps only for a while: an open file would stay locked against ourselves.
    if (!isClosed) asNobody(close);
  }
}
