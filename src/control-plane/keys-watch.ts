/** Whether keys.toml is still the one that the daemon works by. */

import { lstatSync } from "node:fs";
import { describeMissingKeys, digestOfKeys, keysFile, loadKeyTable } from "../keys/keys.ts";
import { SallyportError } from "../core/errors.ts";
import type { KeyTable } from "../rks/key-table.ts";

/** A text that changes whenever somebody writes the file or replaces it; "" without one. */
function stampOf(file: string): string {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(" ");
}

function toDo(stateDir: string): string {
  const missing = describeMissingKeys(stateDir);
  return missing === undefined
    ? 'run "sallyport reload": until then removed ones go on opening, and added ones do not open'
    : `${missing}: put it back: a reload would take away everybody's key`;
}

export class KeysWatch {
  readonly #stateDir: string;
  /** `digestOfKeys` of the keys in force. */
  readonly #digest: () => string;
  /**
   * The last comparison: the stamp of the file, the digest in force, and the resulting sentence.
   */
  #compared: { stamp: string; digest: string; found: string | undefined } | undefined;

  constructor(stateDir: string, digest: () => string) {
    this.#stateDir = stateDir;
    this.#digest = digest;
  }

  /**
   * One sentence where the file has changed or cannot be read. Reads it only after it was touched.
   */
  changed(): string | undefined {
    const digest = this.#digest();
    try {
      const stamp = stampOf(keysFile(this.#stateDir));
      const last = this.#compared;
      if (last?.stamp === stamp && last.digest === digest) return last.found;
      const found =
        digestOfKeys(this.#stateDir) === digest
          ? undefined
          : `Keys changed since the daemon read them: ${toDo(this.#stateDir)}`;
      this.#compared = { stamp, digest, found };
      return found;
    } catch (error) {
      if (error instanceof SallyportError) return error.message;
      throw error;
    }
  }

  /** The keys of the file, where it has changed and can be read. */
  unread(): KeyTable | undefined {
    if (this.changed() === undefined) return undefined;
    try {
      return loadKeyTable(this.#stateDir).keys;
    } catch (error) {
      if (error instanceof SallyportError) return undefined;
      throw error;
    }
  }
}
