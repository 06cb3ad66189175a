/** Finds the configuration file that a command reads. */

import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";

/** The configuration of the service. */
export const SERVICE_CONFIG = "/etc/sallyport/config.toml";
const HERE = "./config.toml";

/**
 * The places to look without --config, in this order. The file of the service comes first, since a
 * config.toml in the working directory may belong to any other program.
 */
export const CONFIG_FILES = [SERVICE_CONFIG, HERE] as const;

/**
 * Why another user could have written `path`, which the sentence calls `what`; undefined where none
 * could.
 */
function strangeness(path: string, what: "it" | "its folder"): string | undefined {
  const { uid, mode } = statSync(path);
  const caller = Number(process.env["SUDO_UID"] ?? 0);
  if (uid !== 0 && uid !== caller) return `${what} belongs to uid ${uid}`;
  // In a sticky folder such as /tmp, only the owners of the folder and of the file may replace the
  // file.
  const sticky = what === "its folder" && (mode & 0o1000) !== 0;
  return (mode & 0o002) === 0 || sticky ? undefined : `everybody may write to ${what}`;
}

/**
 * Root's commands run programs that a configuration names, and the working directory may be
 * anybody's, such as /tmp: a file that was only found there must belong to root, or to the user who
 * called sudo. So must the folder: its owner could replace the file before it is read.
 */
function checkFound(file: string): void {
  if (process.geteuid!() !== 0) return;
  const state = strangeness(file, "it") ?? strangeness(dirname(file), "its folder");
  if (state === undefined) return;
  throw new SallyportError(
    `Cannot trust ${file}: ${state}, and root would run the commands in it: name it with --config if you do`,
    ExitCode.config,
  );
}

/**
 * The file named with --config, else the first of `CONFIG_FILES` that exists. Throws (exit 78)
 * where none does, or where another user may have written the one that root found.
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

/**
 * The result of `read` for the file named with --config, or for the one that is found. Where a file
 * that was only found in the working directory is refused, the refusal says why it was taken.
 */
export function withConfig<T>(named: string | undefined, read: (file: string) => T): T {
  const file = findConfig(named);
  try {
    return read(file);
  } catch (error) {
    const why = named === undefined ? whyTaken(file) : undefined;
    // A refusal by the kernel or of another file has nothing to do with this file.
    const isConfig = error instanceof SallyportError && error.exitCode === ExitCode.config;
    if (!isConfig || why === undefined) throw error;
    throw new SallyportError(`${error.message}\n${why}`, error.exitCode, { cause: error });
  }
}

/**
 * One sentence where a found file may belong to another program; undefined for the service's own.
 */
export function whyTaken(file: string): string | undefined {
  if (file !== HERE) return undefined;
  return `${HERE} was taken because there is no ${SERVICE_CONFIG}: name another with --config`;
}
