/** The file system of the state folder, which may be mounted after the daemon started. */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { KEYS_FILE, LAST_KEYS_FILE } from "../core/state-files.ts";

/** A mount hides the folder that the daemon started with, and brings keys that it has not read. */
export class Elsewhere extends Error {
  override readonly name = "Elsewhere";
}

export class Place {
  readonly #folder: string;
  /** Those with no keys but of this run. */
  readonly #own: Set<number>;

  /** One for all files of a folder: each takes what the others write for the state of this run. */
  constructor(folder: string) {
    this.#folder = folder;
    const device = deviceOf(folder);
    this.#own = new Set(device === undefined ? [] : [device]);
  }

  /**
   * Throws Elsewhere once a file system with the state of another run is mounted over the folder. To write there
   * would vouch for that run: its uses are not in memory, and its last moments may be missing in its file. A folder
   * without keys, as below a disk that was unmounted, opened no doors of its own, and takes the state of this run.
   */
  check(): void {
    const now = deviceOf(this.#folder);
    if (now === undefined || this.#own.size === 0 || this.#own.has(now)) return;
    if ([KEYS_FILE, LAST_KEYS_FILE].some((name) => existsSync(join(this.#folder, name)))) {
      throw new Elsewhere("another file system is mounted over its folder");
    }
    this.#own.add(now);
  }
}

/** Undefined where nobody can tell. */
function deviceOf(folder: string): number | undefined {
  try {
    return statSync(folder).dev;
  } catch {
    return undefined;
  }
}
