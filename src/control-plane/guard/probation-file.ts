/** Remembers a probation in the state folder, so that a daemon that is started again neither ends it nor forgets that it lapsed. */

import { join } from "node:path";
import { ExitCode, SallyportError } from "../../core/errors.ts";
import { removePrivateFile, writePrivateFile } from "../../files/private-file.ts";
import { readRegularFile } from "../../files/regular-file.ts";

/** How far back a clock may be set before a probation that seems to end late is not believed. */
const LONGEST_MS = 24 * 3_600_000;

export class ProbationFile {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, "probation");
  }

  /** Milliseconds left, 0 for one that lapsed; undefined when the guard is permanent. */
  leftMs(wallMs: number): number | undefined {
    let text: string | undefined;
    try {
      text = readRegularFile(this.#path);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      // A link or a pipe stands there; a file that this user may not read is no marker of his.
      return error.exitCode === ExitCode.privilege ? undefined : 0;
    }
    if (text === undefined) return undefined;
    const untilMs = Number(text.trim());
    // Unreadable text is taken for lapsed: a guard that stays open is reported, a lock-out is not.
    if (!Number.isFinite(untilMs)) return 0;
    return Math.min(LONGEST_MS, Math.max(0, untilMs - wallMs));
  }

  begin(untilWallMs: number): void {
    writePrivateFile(this.#path, `${Math.round(untilWallMs)}\n`);
  }

  end(): void {
    removePrivateFile(this.#path);
  }
}
