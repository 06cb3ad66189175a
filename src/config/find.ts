/** Which configuration file a command reads. */

import { existsSync, statSync } from "node:fs";
import { ExitCode, SallyportError } from "../core/errors.ts";

/** Where a command looks without --config, in this order. */
export const CONFIG_FILES = ["./config.toml", "/etc/sallyport/config.toml"] as const;

/**
 * Root's commands run what a configuration says, and the working directory may be anybody's, such as
 * /tmp: a file that was only found there must be root's, or of whoever called sudo.
 */
function checkFound(file: string): void {
  if (process.geteuid!() !== 0) return;
  const { uid, mode } = statSync(file);
  const caller = Number(process.env["SUDO_UID"] ?? 0);
  const state =
    uid !== 0 && uid !== caller
      ? `it belongs to uid ${uid}`
      : (mode & 0o002) !== 0
        ? "everybody may write to it"
        : undefined;
  if (state === undefined) return;
  throw new SallyportError(
    `Cannot trust ${file}: ${state}, and root would run the commands in it: name it with --config if you do`,
    ExitCode.config,
  );
}

/**
 * The file named with --config, else the first of `CONFIG_FILES` that exists; throws (exit 78) where none
 * does, or where root found one that another user may have put there.
 */
export function findConfig(named?: string): string {
  if (named !== undefined) return named;
  const found = CONFIG_FILES.find((file) => existsSync(file));
  if (found !== undefined) {
    checkFound(found);
    return found;
  }
  throw new SallyportError(
    `Cannot find a configuration: neither ${CONFIG_FILES.join(" nor ")} exists: write one, or name it with --config`,
    ExitCode.config,
  );
}
