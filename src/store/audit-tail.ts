/** Follows audit.db while others write it, put it aside, delete it and make it anew. */

import { SallyportError } from "../core/errors.ts";
import { type AuditEntry, type AuditFilter, AuditReader } from "./audit-query.ts";

/** Entries read at a time. */
const AT_ONCE = 1_000;

export class AuditTail implements Disposable {
  readonly #stateDir: string;
  readonly #startedMs: number;
  #reader: AuditReader | undefined;
  /** All entries up to here, in the open file, were returned. */
  #last: number;
  /**
   * The file that `#last` counts in; undefined once the file is gone, since another may get its numbers.
   */
  #identity: string | undefined;
  #trouble: string | undefined;

  /** Throws a SallyportError where there is no log, or none that this user may read. */
  constructor(stateDir: string, nowMs: number) {
    this.#stateDir = stateDir;
    this.#startedMs = nowMs;
    this.#reader = new AuditReader(stateDir);
    this.#identity = this.#reader.identity;
    this.#last = this.#reader.lastId();
  }

  /** Why nothing can be read at the moment, one sentence; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** The entries at the start, by time, the newest last. Call it once, before `more`. */
  *before(filter: AuditFilter): Generator<AuditEntry> {
    yield* this.#reader!.query({ ...filter, upToId: this.#last });
  }

  /**
   * The entries since the last call, in the order of arrival; from a file that replaced another,
   * the entries since the start. Never throws for a file: it may come back, and `trouble` says what
   * is wrong.
   */
  *more(filter: AuditFilter): Generator<AuditEntry[]> {
    try {
      yield* this.#drain(filter);
      if (this.#reader?.stale === true) this.#identity = undefined;
      else if (this.#reader?.frozen === false) return;
      this.#close();
      this.#open();
      yield* this.#drain(filter);
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.#trouble = error.message;
      this.#close();
    }
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  *#drain(filter: AuditFilter): Generator<AuditEntry[]> {
    if (this.#reader === undefined) return;
    const reader = this.#reader;
    const last = reader.lastId();
    // All its rows were too old and went, and its ids begin at one again.
    if (last < this.#last) this.#last = 0;
    const sinceMs = Math.max(filter.sinceMs ?? 0, this.#startedMs);
    const wanted = { ...filter, upToId: last, ...(this.#last === 0 && { sinceMs }) };
    for (;;) {
      const entries = reader.after(this.#last, wanted, AT_ONCE);
      if (entries.length === 0) break;
      this.#last = entries.at(-1)!.id;
      yield entries;
    }
    this.#last = last;
  }

  #open(): void {
    this.#reader = new AuditReader(this.#stateDir);
    if (this.#reader.identity !== this.#identity) this.#last = 0;
    this.#identity = this.#reader.identity;
  }

  #close(): void {
    this.#reader?.[Symbol.dispose]();
    this.#reader = undefined;
  }
}
