/** The uses of knocks that outlive the daemon: memory first, uses.db a moment later. Main thread only. */

import type { Database } from "bun:sqlite";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FIRST_START_FILE, KEYS_FILE, showsRun } from "../core/state-files.ts";
import { readBootedMs } from "../files/boot-id.ts";
import type { DatabaseContents } from "./database.ts";
import {
  type Doubt,
  dropMarkers,
  hasMarkers,
  IN_DOUBT,
  judgeKept,
  judgeSession,
  leaveCleanStop,
  markUnwritten,
  noteDoubt,
  type Present,
  ranUnwritten,
  readDoubt,
  type Session,
  takeCleanStop,
  type Trust,
  WAIT_NOT_OVER,
} from "./session.ts";
import { StateFile, type StoreNotice } from "./state-file.ts";
import type { Place } from "./place.ts";
import { placeOf, sealOf, type Use } from "./use.ts";
import { nameSlotLengths } from "./uses-v1.ts";

const USES_TABLE = `
CREATE TABLE uses (
  door TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  step_seconds INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  source TEXT,
  time_ms INTEGER,
  seal BLOB NOT NULL,
  PRIMARY KEY (door, fingerprint, step_seconds)
) STRICT, WITHOUT ROWID;`;

const SCHEMA = `${USES_TABLE}
CREATE TABLE session (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id TEXT NOT NULL,
  seen_ms INTEGER NOT NULL
) STRICT;
`;

/** The schema of uses.db. */
export const USES_SCHEMA: DatabaseContents = {
  /** "SPus" */
  applicationId: 0x53507573,
  version: 2,
  schema: SCHEMA,
  migrations: { 1: (database) => nameSlotLengths(database, USES_TABLE) },
  check: true,
};

/** Slewing stays below this. */
const CLOCK_STEP_MS = 2_000;

export interface UseStoreOptions {
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** When the boot began, by the wall clock as it is now: Unix milliseconds. Default: the kernel's answer. */
  readonly bootedMs?: (() => number) | undefined;
  readonly report: (notice: StoreNotice) => void;
  /** As `StateFileSpec.place`. */
  readonly place?: Place;
  /** The kernel still has the table of the last run. Default: it has. */
  readonly kernelKept?: () => boolean;
}

/** The facts that the daemon needs before it opens a rotating door. */
export type OpenedUses = Trust & {
  readonly store: UseStore;
};

interface UseRow {
  readonly door: string;
  readonly fingerprint: string;
  readonly user: string;
  readonly device: string;
  readonly step_seconds: number;
  readonly slot: number;
  readonly source: string | null;
  readonly time_ms: number | null;
  readonly seal: Uint8Array;
}

interface Contents {
  readonly uses: readonly Use[];
  /** Rows whose seal is broken. */
  readonly broken: number;
  readonly session?: Session;
}

export class UseStore {
  readonly #stateDir: string;
  readonly #bootedMs: () => number;
  readonly #uses = new Map<string, Use>();
  readonly #file: StateFile;
  #unwritten: Use[] = [];
  /** What the disk says. */
  #doubtMs: number | undefined = NaN;
  /** Rotating doors wait, and the disk does not say so. */
  #isDoubtUnnoted = false;
  #session: Session;
  /** The disk kept the markers that vouch for the time before this run. */
  #hasMarkers = false;
  #scheduled = false;

  private constructor(
    stateDir: string,
    { bootId, bootedMs = readBootedMs, nowMs, report, place }: UseStoreOptions,
  ) {
    this.#stateDir = stateDir;
    this.#bootedMs = bootedMs;
    this.#session = { bootId, seenMs: nowMs };
    this.#file = new StateFile({
      path: join(stateDir, "uses.db"),
      ...USES_SCHEMA,
      shared: false,
      without: "uses of knocks are remembered only until a reboot",
      refill: (database) => this.#writeAll(database),
      report,
      place,
      nowMs,
    });
  }

  /**
   * Takes over the record of the last run and enters this one. Never throws for a bad file or disk.
   */
  static open(stateDir: string, options: UseStoreOptions): OpenedUses {
    const usedBefore = hasSigns(stateDir);
    const stopped = takeCleanStop(stateDir);
    const store = new UseStore(stateDir, options);
    store.#hasMarkers = hasMarkers(stateDir);
    const contents = store.#file.read(readContents);
    for (const use of contents?.uses ?? []) store.#uses.set(placeOf(use), use);
    const broken = contents?.broken ?? 0;
    if (broken > 0) store.#file.replace(`${broken} of its rows were changed by another program`);
    const { found } = store.#file;
    const unwritten = found !== "later" && ranUnwritten(stateDir);
    const { bootId, nowMs, kernelKept = () => true } = options;
    const judged = unwritten
      ? lost("an earlier sallyport ran meanwhile and could not write down what was used")
      : doubted(
          judge(found, contents, usedBefore, {
            bootId,
            stopped,
            areMarkersKept: store.#hasMarkers,
            kernelKept,
          }),
          readDoubt(stateDir),
          nowMs,
          contents?.session?.bootId === bootId ? store.#bootedMs() : undefined,
        );
    // Before the session says that a run of this boot knows everything.
    store.doubt(judged.trust === "lost" ? (judged.sinceMs ?? nowMs) : undefined);
    if (store.#file.write((database) => store.#writeSession(database))) {
      markUnwritten(stateDir, false);
    } else if (found === "later") markUnwritten(stateDir, true);
    return { store, ...judged };
  }

  /**
   * Remembers a use; one that is not later than the known one changes nothing. It is in `all` at
   * once, and in the file with the others of this turn of the event loop.
   */
  record(use: Use): void {
    const place = placeOf(use);
    const before = this.#uses.get(place);
    if (before !== undefined && use.slot <= before.slot) return;
    // Capture times have a fraction, which the file does not keep.
    const kept = use.timeMs === undefined ? use : { ...use, timeMs: Math.round(use.timeMs) };
    this.#uses.set(place, kept);
    this.#unwritten.push(kept);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      if (this.#unwritten.length > 0) this.flush();
    });
  }

  /**
   * The last use of every key at every door and length of slots, including those that are gone; see
   * `usesOf`.
   */
  all(): readonly Use[] {
    return [...this.#uses.values()];
  }

  /**
   * Notes for the next start that this time has passed. Call it every minute or so. Also tries a
   * failed disk again.
   */
  seen(nowMs: number): void {
    this.#session = { ...this.#session, seenMs: nowMs };
    this.#file.nowMs = nowMs;
    this.flush();
  }

  /**
   * Notes for the next start since when rotating doors wait after a loss; undefined when they do not. Call it every second
   * or so while they do: a disk that refused is tried again.
   */
  doubt(sinceMs: number | undefined): void {
    if (sinceMs === this.#doubtMs) return;
    const doubt = sinceMs === undefined ? undefined : { sinceMs, bootedMs: this.#bootedMs() };
    const wasUnnoted = this.#isDoubtUnnoted;
    const isNoted = noteDoubt(this.#stateDir, doubt);
    if (isNoted) this.#doubtMs = sinceMs;
    // A note that stays tells of a wait that is over.
    this.#isDoubtUnnoted = !isNoted && doubt !== undefined;
    if (wasUnnoted !== this.#isDoubtUnnoted) this.flush();
  }

  /** Whether the disk has every use, but for those of this turn of the event loop, and knows of the wait after a loss. */
  get complete(): boolean {
    return this.#file.complete && !this.#isDoubtUnnoted;
  }

  /** Writes the waiting uses. Returns whether all of them are on the disk. */
  flush(): boolean {
    this.#scheduled = false;
    const uses = this.#unwritten;
    this.#unwritten = [];
    const isWritten = this.#file.write((database) => {
      writeUses(database, uses);
      this.#writeSession(database);
    });
    // Not before: another file system may be mounted over the folder, with the markers of another run.
    if (isWritten && this.#hasMarkers) this.#hasMarkers = !dropMarkers(this.#stateDir);
    return isWritten;
  }

  /** The end in order: the uses written now are all there were, also for the next boot. */
  close(nowMs: number, heardAll = true): void {
    this.seen(nowMs);
    const complete = this.#file.complete;
    this.#file.close();
    if (complete) markUnwritten(this.#stateDir, false);
    if (complete && heardAll && !this.#isDoubtUnnoted)
      leaveCleanStop(this.#stateDir, this.#session.bootId);
  }

  #writeAll(database: Database): void {
    writeUses(database, this.all());
    this.#writeSession(database);
  }

  #writeSession(database: Database): void {
    const { bootId, seenMs } = this.#session;
    database
      .query("INSERT OR REPLACE INTO session (id, boot_id, seen_ms) VALUES (1, ?, ?)")
      .run(this.#isDoubtUnnoted ? IN_DOUBT : bootId, seenMs);
  }
}

/**
 * Whether a daemon may have run here before: there are traces of one, or keys without the marker of
 * a first start.
 */
function hasSigns(stateDir: string): boolean {
  let names: string[];
  try {
    names = readdirSync(stateDir);
  } catch {
    return false;
  }
  return showsRun(names) || (names.includes(KEYS_FILE) && !names.includes(FIRST_START_FILE));
}

function lost(reason: string): Trust {
  return { trust: "lost", reason };
}

function judge(
  found: StateFile["found"],
  contents: Contents | undefined,
  usedBefore: boolean,
  present: Present,
): Trust {
  if (found === "later") return lost("a later sallyport wrote the record of used knocks");
  if (found === "damaged" || (contents !== undefined && contents.broken > 0)) {
    return lost("the record of used knocks was damaged");
  }
  if (contents === undefined) return lost("the record of used knocks cannot be read");
  if (found !== "nothing") return judgeSession(contents.session, present);
  if (usedBefore || present.stopped !== undefined) {
    return lost("the record of used knocks is missing");
  }
  return present.areMarkersKept ? judgeKept(present.kernelKept) : { trust: "complete" };
}

/**
 * A wait that was not over goes on: it is no longer than it was. Where the clock was set since in the same
 * boot, nobody can tell how much of it is over: it begins anew. `bootedMs` is absent in another boot.
 */
function doubted(
  judged: Trust,
  doubt: Doubt | undefined,
  nowMs: number,
  bootedMs: number | undefined,
): Trust {
  if (judged.trust === "lost" || doubt === undefined) return judged;
  const reason = WAIT_NOT_OVER;
  const { sinceMs } = doubt;
  const wasSet = Math.abs((bootedMs ?? NaN) - (doubt.bootedMs ?? NaN)) > CLOCK_STEP_MS;
  return { trust: "lost", reason, ...(sinceMs < nowMs && !wasSet && { sinceMs }) };
}

function readContents(database: Database): Contents {
  const rows = database.query<UseRow, []>("SELECT * FROM uses").all();
  const uses = rows.filter((row) => Buffer.from(row.seal).equals(sealOf(useOf(row)))).map(useOf);
  const session = database
    .query<Session, []>("SELECT boot_id AS bootId, seen_ms AS seenMs FROM session")
    .get();
  return { uses, broken: rows.length - uses.length, ...(session !== null && { session }) };
}

function useOf(row: UseRow): Use {
  const { door, user, device, fingerprint, slot, source, time_ms: timeMs } = row;
  return {
    door,
    user,
    device,
    fingerprint,
    stepSeconds: row.step_seconds,
    slot,
    ...(source !== null && { source }),
    ...(timeMs !== null && { timeMs }),
  };
}

/** Forward only in the file too, whatever the order of the rows. */
function writeUses(database: Database, uses: readonly Use[]): void {
  const statement = database.query(
    `INSERT INTO uses (door, fingerprint, user, device, step_seconds, slot, source, time_ms, seal)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET user = excluded.user, device = excluded.device, slot = excluded.slot,
       source = excluded.source, time_ms = excluded.time_ms, seal = excluded.seal
     WHERE excluded.slot > slot`,
  );
  for (const use of uses) {
    const { door, fingerprint, user, device, stepSeconds, slot } = use;
    const { source = null, timeMs = null } = use;
    const seal = sealOf(use);
    statement.run(door, fingerprint, user, device, stepSeconds, slot, source, timeMs, seal);
  }
}
