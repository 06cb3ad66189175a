/**
 * The state folder: real files and the real SQLite, in memory. A killed process leaves what it wrote;
 * a power cut takes what no fsync had reached, and may tear the last write. Plain files take their names
 * with them: one that was put in place or removed since the folder was synced may be as before.
 */

import { Database } from "bun:sqlite";
import { basename, dirname, join } from "node:path";
import { FIRST_START_FILE, KEYS_FILE } from "../../src/core/state-files.ts";
import { type FileStep, placeOf, real, watchPlainFiles } from "./plain-files.ts";
import { configText } from "./world.ts";

const {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
} = real;
const { readSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } = real;

/** SQLite's log: a header that names its generation, then the pages of each commit. */
const WAL_HEADER_BYTES = 32;

/** What the program remembers in each of its databases; the present time is none of that. */
const REMEMBERED: Readonly<Record<string, readonly string[]>> = {
  "uses.db": ["SELECT * FROM uses", "SELECT boot_id FROM session"],
  "owed.db": ["SELECT * FROM debts"],
  "audit.db": ["SELECT count(*), min(id), max(id) FROM records"],
};

/** The folder takes no change of its names; what is written into its databases is kept. */
export const FOLDER_ONLY = "FOLDER";

/** How the file system refuses a step with a plain file, by SQLite's word for the same trouble. */
const REFUSALS: Readonly<Record<string, readonly [code: string, steps: readonly FileStep[]]>> = {
  SQLITE_FULL: ["ENOSPC", ["write"]],
  SQLITE_IOERR_WRITE: ["EIO", ["write", "sync"]],
  SQLITE_READONLY: ["EROFS", ["make", "remove", "rename"]],
  [FOLDER_ONLY]: ["EACCES", ["make", "remove", "rename"]],
};

/** What a stop in order leaves. */
const STOP_MARKER = "clean-stop";

/** How much of a log has reached the disk. */
interface Reached {
  readonly generation: string;
  readonly bytes: number;
}

export class SimulatedDisk {
  readonly #root = mkdtempSync("/dev/shm/sallyport-simulate-");
  readonly #open = new Set<Database>();
  readonly #reached = new Map<string, Reached>();
  readonly #restore: () => void;
  /** The plain files at the last time when the folder was synced. */
  #certain: ReadonlyMap<string, Buffer> = new Map();
  /** The plain files whose text may not have reached the disk. */
  readonly #unsynced = new Set<string>();
  /** The files at the death of the process. */
  #frozen: ReadonlyMap<string, Buffer | undefined> = new Map();
  #isFrozen = false;
  #folders = 0;
  /**
   * The disk did not take the removal of the marker of a stop: with the power cut, nothing says that a daemon ran since.
   */
  vouchesFalsely = false;
  /** SQLite's error for every write, while the disk takes none. */
  refuses: string | undefined;
  /** Called before and after each transaction; may throw: the process dies there. */
  border: (where: string) => void = () => {};
  /** A transaction was refused. */
  refused: (where: string) => void = () => {};

  constructor(keys: string) {
    this.#restore = this.#watch();
    this.#makeFolder();
    this.writeKeys(keys);
    writeFileSync(join(this.folder, FIRST_START_FILE), "", { mode: 0o600 });
    this.#settle();
    watchPlainFiles({ step: (...which) => this.#step(...which) });
  }

  /** config.toml */
  get configFile(): string {
    return join(this.#root, "config.toml");
  }

  /** Leads to another folder for each process: what a dead one still holds open is not there. */
  get folder(): string {
    return join(this.#root, "state");
  }

  /** Somebody edits keys.toml; undefined: deletes it. */
  writeKeys(text: string | undefined): void {
    const certain = new Map(this.#certain);
    if (text === undefined) {
      rmSync(join(this.folder, KEYS_FILE), { force: true });
      certain.delete(KEYS_FILE);
    } else {
      writeFileSync(join(this.folder, KEYS_FILE), text, { mode: 0o600 });
      certain.set(KEYS_FILE, Buffer.from(text));
    }
    this.#certain = certain;
  }

  /** Somebody edits config.toml. */
  writeConfig(number: number, broken: boolean): void {
    writeFileSync(this.configFile, configText(number, this.folder, broken));
  }

  /** A message without the path to all this, which is never the same. */
  withoutRoot(message: string): string {
    return message.replaceAll(this.#root, "");
  }

  /** All that the folder holds, in any form. */
  contents(): unknown {
    const databases = [...this.#open].map((database) => {
      const name = basename(database.filename);
      return [name, REMEMBERED[name]?.map((text) => database.query(text).values())];
    });
    const files = [...this.#read(isPlain)].map(([name, bytes]) => [name, bytes.toString("hex")]);
    return [databases, files];
  }

  /** The size of all files together. */
  get bytes(): number {
    const names = readdirSync(this.folder);
    return names.reduce((sum, name) => sum + statSync(join(this.folder, name)).size, 0);
  }

  /** The audit log of the living process; undefined while it has none open. */
  get audit(): Database | undefined {
    return [...this.#open].find(({ filename }) => basename(filename) === "audit.db");
  }

  /** The process dies at this moment: what it still does while its stack unwinds, never happened. */
  freeze(): void {
    this.#frozen = this.#read((name) => !name.endsWith("-shm"));
    this.#isFrozen = true;
  }

  /** The process was killed: its successor finds its files as they were. */
  outliveProcess(): void {
    this.#moveOn((_, bytes) => bytes);
  }

  /** The power went: `random` decides what else than the certain reached the disk. */
  outlivePower(random: (below: number) => number): void {
    this.#frozen = new Map([...this.#frozen, ...this.#loosen(random)]);
    this.#moveOn((name, bytes) => {
      if (name.endsWith("-wal")) return this.#tear(name, bytes, random);
      return this.#unsynced.has(name) ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
    });
  }

  [Symbol.dispose](): void {
    for (const database of this.#open) database.close();
    watchPlainFiles(undefined);
    this.#restore();
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** A step of the program with a plain file of the folder. */
  #step(step: FileStep, path: string, from = ""): void {
    if (this.#isFrozen) return;
    const folder = realpathSync(this.folder);
    if (path === folder && step === "synced") {
      this.#settle();
      this.vouchesFalsely = false;
    }
    const place = placeOf(path);
    const name = path === folder ? "the folder" : basename(place);
    if (path !== folder && dirname(place) !== folder && dirname(place) !== this.folder) return;
    // Nobody else knows of a text that has no name yet.
    if (step === "remove" && place !== path) return;
    if (step === "write") this.border(`a write of ${name}`);
    if (step === "remove" && existsSync(path)) this.border(`the removal of ${name}`);
    if (step === "write") this.#unsynced.add(basename(path));
    if (step === "synced") this.#unsynced.delete(basename(path));
    if (step === "written") {
      if (this.#unsynced.delete(basename(from))) this.#unsynced.add(name);
      else this.#unsynced.delete(name);
      this.border(`the end of a write of ${name}`);
    }
    const [code, steps] = REFUSALS[this.refuses ?? ""] ?? [];
    if (code === undefined || !steps!.includes(step)) return;
    this.refused(`to ${step} ${name}`);
    this.vouchesFalsely ||= this.#certain.has(STOP_MARKER) && step !== "write";
    throw Object.assign(new Error("the simulated disk refuses"), { code });
  }

  /** Plain files that are as they were before the folder was synced last. */
  #loosen(random: (below: number) => number): Map<string, Buffer | undefined> {
    const names = new Set([...this.#certain.keys(), ...[...this.#frozen.keys()].filter(isPlain)]);
    const loose = [...names].filter((name) => {
      const [before, now] = [this.#certain.get(name), this.#frozen.get(name)];
      return before === undefined || now === undefined || !before.equals(now);
    });
    return new Map(
      loose.flatMap((name) => (random(2) === 0 ? [[name, this.#certain.get(name)]] : [])),
    );
  }

  #settle(): void {
    this.#certain = this.#read(isPlain);
  }

  #read(which: (name: string) => boolean): Map<string, Buffer> {
    const names = readdirSync(this.folder).filter(which);
    return new Map(names.map((name) => [name, readFileSync(join(this.folder, name))]));
  }

  #tear(name: string, bytes: Buffer, random: (below: number) => number): Buffer {
    const reached = this.#reached.get(name.slice(0, -"-wal".length));
    const isSame = reached !== undefined && reached.generation === generationOf(bytes);
    const certain = Math.min(bytes.length, isSame ? reached.bytes : 0);
    const loose = bytes.length - certain;
    const end = [certain, certain + random(loose + 1), bytes.length][random(3)]!;
    const kept = Buffer.from(bytes.subarray(0, end));
    // The last sector may hold anything.
    if (end > certain && random(2) === 0) kept.fill(0, Math.max(certain, end - 512));
    return kept;
  }

  #moveOn(contents: (name: string, bytes: Buffer) => Buffer): void {
    const before = realpathSync(this.folder);
    const files = [...this.#frozen].flatMap(([name, bytes]) =>
      bytes === undefined ? [] : [[name, ofTheDead(name, contents(name, bytes))] as const],
    );
    this.#makeFolder();
    for (const [name, bytes] of files)
      writeFileSync(join(this.folder, name), bytes, { mode: 0o600 });
    this.#settle();
    this.#unsynced.clear();
    this.#isFrozen = false;
    // Closing writes into the folder that nobody looks at any more.
    for (const database of this.#open) database.close();
    this.#open.clear();
    this.#reached.clear();
    rmSync(before, { recursive: true, force: true });
    for (const [name, bytes] of files) {
      if (name.endsWith("-wal")) this.#note(name.slice(0, -"-wal".length), bytes, bytes.length);
    }
  }

  #makeFolder(): void {
    const made = join(this.#root, `${++this.#folders}`);
    mkdirSync(made, { mode: 0o700 });
    rmSync(this.folder, { force: true });
    symlinkSync(made, this.folder);
  }

  #note(name: string, header: Uint8Array, bytes: number): void {
    this.#reached.set(name, { generation: generationOf(header), bytes });
  }

  /** Every transaction of SQLite passes here. */
  #watch(): () => void {
    const { transaction, close } = Database.prototype;
    const wrap = (database: Database, made: Transaction): Transaction => {
      this.#open.add(database);
      const immediate = this.#through(database, made.immediate);
      return Object.assign(this.#through(database, made), { immediate });
    };
    const forget = (database: Database) => this.#open.delete(database);
    Database.prototype.transaction = function watched(this: Database, work: never) {
      return wrap(this, transaction.call(this, work));
    } as unknown as typeof transaction;
    Database.prototype.close = function closed(this: Database, ...rest) {
      forget(this);
      close.apply(this, rest);
    };
    return () => Object.assign(Database.prototype, { transaction, close });
  }

  #through(database: Database, run: (...rest: unknown[]) => unknown) {
    return (...rest: unknown[]): unknown => {
      const name = basename(database.filename);
      this.border(`a write into ${name}`);
      if (this.refuses !== undefined && this.refuses !== FOLDER_ONLY) {
        this.refused(`a write into ${name}`);
        throw Object.assign(new Error("the simulated disk refuses"), { code: this.refuses });
      }
      const result = run(...rest);
      const { synchronous } = database.query("PRAGMA synchronous").get() as { synchronous: number };
      if (synchronous >= 2) this.#noteFile(name);
      this.border(`the end of a write into ${name}`);
      return result;
    };
  }

  #noteFile(name: string): void {
    const header = Buffer.alloc(WAL_HEADER_BYTES);
    let fd: number;
    try {
      fd = openSync(join(this.folder, `${name}-wal`), "r");
    } catch {
      return;
    }
    readSync(fd, header, 0, WAL_HEADER_BYTES, 0);
    this.#note(name, header, fstatSync(fd).size);
    closeSync(fd);
  }
}

interface Transaction {
  (...rest: unknown[]): unknown;
  immediate: (...rest: unknown[]) => unknown;
}

/** SQLite syncs the names of its own files. Files not yet in place count for nobody. */
function isPlain(name: string): boolean {
  return !name.startsWith(".") && !name.includes(".db");
}

/**
 * A lock names its process, which is dead: the next one has its number here, and would wait for itself in
 * real time.
 */
function ofTheDead(name: string, bytes: Buffer): Buffer {
  return name.endsWith(".lock") ? Buffer.from(`an earlier boot ${bytes.toString()}`) : bytes;
}

/** The two salts of a log's header: they change when the log begins anew. */
function generationOf(log: Uint8Array): string {
  return Buffer.from(log.subarray(16, 24)).toString("hex");
}
