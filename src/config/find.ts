/** Finds the configuration file that a command reads. */

import { existsSync, statSync } from "node:fs";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { DEFAULT_STATE_DIR } from "../core/state-files.ts";
import { distrusted, doubtsOf, type Owners, sudoCaller } from "./trust.ts";

/** The configuration of the service. */
export const SERVICE_CONFIG = "/etc/sallyport/config.toml";
const HERE = "./config.toml";

/**
 * The places to look without --config, in this order. The file of the service comes first, since a
 * config.toml in the working directory may belong to any other program.
 */
export const CONFIG_FILES = [SERVICE_CONFIG, HERE] as const;

/** The first of `CONFIG_FILES` that exists. */
export function foundConfig(): string | undefined {
  return CONFIG_FILES.find((file) => existsSync(file));
}

/**
 * Root's commands run programs that a configuration names, and the working directory may be
 * anybody's, such as /tmp: a file that nobody named must be one that only root, or the user who
 * called sudo, could have written. Throws (exit 78) where another user could.
 */
function requireFoundTrust(file: string, others: Owners = []): void {
  const [doubt] = doubtsOf(file, others);
  if (doubt === undefined) return;
  throw distrusted(file, doubt, file === HERE ? "name it with --config if you do" : undefined);
}

/**
 * The same for whoever examines what the service would take, and acts on nothing: the file may also
 * belong to the service's user, the owner of its state folder.
 */
export function requireServiceTrust(file: string): void {
  const { uid } = statSync(DEFAULT_STATE_DIR, { throwIfNoEntry: false }) ?? {};
  requireFoundTrust(file, uid === undefined ? [] : [uid]);
}

function notFound(): SallyportError {
  return new SallyportError(
    `Cannot find a configuration: neither ${CONFIG_FILES.join(" nor ")} exists: write one, or name it with --config`,
    ExitCode.config,
  );
}

/**
 * The file named with --config, else the first of `CONFIG_FILES` that exists. Throws (exit 78)
 * where none does, or where another user may have written the one that root found. Whoever names a
 * file vouches for it.
 */
export function findConfig(named?: string): string {
  const file = named ?? foundConfig();
  if (file === undefined) throw notFound();
  if (named === undefined && process.geteuid!() === 0) requireFoundTrust(file, sudoCaller());
  return file;
}

/** The file of a program that reads it again later, or that no person started. */
export interface StandingConfig {
  /** Where none is named and none exists: that of the service. */
  readonly file: string;
  /** Throws (exit 78) where nobody may act on the file as it is now. Call it before each reading. */
  readonly requireTrust: () => void;
}

/**
 * The file named with --config, else the one that is found. A person who names it vouches for it as it
 * is at this moment, and for nothing that becomes of it: `byPerson`. The unit of a service names the
 * same file for ever, whoever owns it by now, and vouches for nothing. `others` may own it as well.
 */
export function standingConfig(
  named: string | undefined,
  byPerson: boolean,
  others: Owners = [],
): StandingConfig {
  const file = named ?? foundConfig() ?? SERVICE_CONFIG;
  const owners = byPerson ? [...others, ...sudoCaller()] : others;
  const vouched =
    named !== undefined && byPerson ? doubtsOf(file, owners).map(({ state }) => state) : [];
  const requireTrust = () => {
    if (named === undefined && foundConfig() === undefined) throw notFound();
    const doubt = doubtsOf(file, owners).find(({ state }) => !vouched.includes(state));
    if (doubt === undefined) return;
    const instead =
      named === undefined && file === HERE
        ? `${doubt.remedy}, or start sallyport with --config ${file} if you do`
        : undefined;
    throw distrusted(file, doubt, instead);
  };
  return { file, requireTrust };
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
