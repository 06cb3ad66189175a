/**
 * Remembers a probation in the state folder, so that a restarted daemon neither ends it nor forgets
 * that it lapsed.
 */

import { join } from "node:path";
import { ExitCode, SallyportError } from "../../core/errors.ts";
import { removePrivateFileForGood, writePrivateFile } from "../../files/private-file.ts";
import { readRegularFile } from "../../files/regular-file.ts";

/** The longest possible probation. */
const LONGEST_MS = 24 * 3_600_000;

export class ProbationFile {
  readonly path: string;

  constructor(stateDir: string) {
    this.path = join(stateDir, "probation");
  }

  /** Milliseconds left, 0 for one that lapsed; undefined when the guard is permanent. */
  leftMs(wallMs: number): number | undefined {
    let text: string | undefined;
    try {
      text = readRegularFile(this.path);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      // A link or a pipe is in its place. A file that this user may not read is not this user's
      // marker.
      return error.exitCode === ExitCode.privilege ? undefined : 0;
    }
    if (text === undefined) return undefined;
    // An earlier sallyport wrote only the end.
    const [untilMs, forMs = LONGEST_MS] = text.trim().split(" ").map(Number);
    // Unreadable text is taken for lapsed: a guard that stays open is reported, a lock-out is not.
    if (!Number.isFinite(untilMs) || !Number.isFinite(forMs)) return 0;
    // A board without a clock of its own boots in 1970: no probation lasts longer than it was begun
    // for.
    return Math.min(forMs, Math.max(0, untilMs! - wallMs));
  }

  /**
   * A probation of this many milliseconds from now on; 0 for one that lapsed. Returns what puts back
   * the record before. Throws SallyportError where the file cannot be written.
   */
  begin(wallMs: number, forMs: number): () => void {
    const before = this.#text();
    writePrivateFile(this.path, `${Math.round(wallMs + forMs)} ${Math.round(forMs)}\n`);
    return () => (before === undefined ? this.end() : writePrivateFile(this.path, before));
  }

  /** Undefined where there is none, or something that this class did not write. */
  #text(): string | undefined {
    try {
      return readRegularFile(this.path);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      return undefined;
    }
  }

  /** A power cut does not bring it back: the machine would boot with its ports open. */
  end(): void {
    removePrivateFileForGood(this.path);
  }
}
