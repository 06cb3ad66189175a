/**
 * Another user who races for names in a folder of his own, as fast as he can: a file that appears
 * under a new name becomes a link to a victim, an existing one is swapped for a trap and back. Run
 * as a program; see `race`.
 */

import { linkSync, readdirSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "./programs.ts";

export interface RaceOptions {
  readonly folder: string;
  /** Source of a regular expression over names that appear: each is replaced by a link to `victim`. */
  readonly names: string;
  readonly victim: string;
  readonly uid: number;
  /** Existing names and their replacements: files of `traps`, moved there and back. */
  readonly standing?: readonly string[];
  /** Files in a folder of his beside it: links, hard links that somebody made for him, pipes. */
  readonly traps?: string;
}

export interface Race extends AsyncDisposable {
  /** Ends it and returns how many names he took. */
  stop(): Promise<number>;
}

/** Begins a race; resolves once he runs. Needs root. */
export async function race(options: RaceOptions): Promise<Race> {
  const racer = spawn([process.execPath, import.meta.path, JSON.stringify(options)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = racer.stdout.getReader();
  await reader.read();
  let taken: number | undefined;
  const stop = async () => {
    if (taken !== undefined) return taken;
    await racer.stdin.end();
    let said = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      said += new TextDecoder().decode(value);
    }
    const code = await racer.exited;
    if (code !== 0) throw new Error(`the racer ended before he was stopped, with ${code}`);
    taken = Number(said);
    return taken;
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

/** Whether it succeeded: its target may be gone. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

class Racer {
  readonly #options: RaceOptions;
  readonly #names: RegExp;
  /** Inodes of his links, so that he does not race against himself. */
  readonly #mine = new Set<string>();
  #turn = 0;
  taken = 0;

  constructor(options: RaceOptions) {
    this.#options = options;
    this.#names = new RegExp(options.names);
  }

  look(): void {
    const { folder, victim } = this.#options;
    for (const name of readdirSync(folder)) {
      if (this.#mine.has(name) || !this.#names.test(name)) continue;
      const path = join(folder, name);
      const done = attempt(() => {
        unlinkSync(path);
        symlinkSync(victim, path);
      });
      if (!done) continue;
      this.#mine.add(name);
      this.taken++;
    }
    // For some of the time everything is in order, so that commands get further than its first
    // name.
    if (++this.#turn % 3 === 0) this.#swap();
  }

  /** Replaces one name by one trap, for a moment. */
  #swap(): void {
    const { folder, standing = [], traps } = this.#options;
    if (traps === undefined || standing.length === 0) return;
    const name = standing[Math.floor(Math.random() * standing.length)]!;
    const path = join(folder, name);
    const fitting = readdirSync(traps).filter(
      (trap) => trap.startsWith(`${name}:`) || trap.startsWith("any:"),
    );
    // A command that replaces the name takes the trap along, so that none may be left.
    if (fitting.length === 0) return;
    const trap = join(traps, fitting[Math.floor(Math.random() * fitting.length)]!);
    const kept = join(traps, `kept-${name}`);
    const stood = attempt(() => renameSync(path, kept));
    if (attempt(() => renameSync(trap, path))) {
      this.taken++;
      for (let i = 0; i < 20; i++) readdirSync(folder);
      attempt(() => renameSync(path, trap));
    }
    if (stood) attempt(() => linkSync(kept, path));
    if (stood) attempt(() => unlinkSync(kept));
  }

  /** Permanent links would fill the folder. */
  tidy(): void {
    for (const name of this.#mine) attempt(() => unlinkSync(join(this.#options.folder, name)));
    this.#mine.clear();
  }
}

async function run(options: RaceOptions): Promise<void> {
  process.setgroups!([]);
  process.setgid!(options.uid);
  process.setuid!(options.uid);
  const told = { toStop: false };
  void Bun.stdin.text().then(() => {
    told.toStop = true;
  });
  process.stdout.write("racing\n");
  const racer = new Racer(options);
  while (!told.toStop) {
    for (let look = 0; look < 500; look++) racer.look();
    racer.tidy();
    await Bun.sleep(0);
  }
  process.stdout.write(String(racer.taken));
}

if (import.meta.main) await run(JSON.parse(process.argv[2]!) as RaceOptions);
