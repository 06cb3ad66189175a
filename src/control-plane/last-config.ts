/**
 * The configuration that worked last, with its keys. Kept for a start that finds broken files,
 * since a guard without a daemon keeps everybody out.
 */

import { existsSync, statSync } from "node:fs";
import { weaknessOf } from "../keys/forgery-bound.ts";
import { keepLastKeys, lastKeysFile, loadKeyTable } from "../keys/keys.ts";
import { lastConfigFile, lastStateDirs, parseLastSettings } from "../config/last-settings.ts";
import { describeUnconfirmed } from "../config/unconfirmed.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { FileBusy } from "../files/file-lock.ts";
import { readPrivateFile, writePrivateFile } from "../files/private-file.ts";
import { type Configuration, readConfiguration, warningsOf } from "./configuration.ts";
import { makePlan } from "../data-plane/plan.ts";

/** What is kept of a configuration. */
export type Kept = Pick<Configuration, "settings" | "keysDigest"> & {
  /** Without one, what is kept stays, and only the keys are new. */
  readonly toml: string | undefined;
};

/**
 * Keeps it for the next start with broken files. "busy": a command is changing the keys, so that they wait; a refusal
 * is the sentence of a state folder that does not take it, which stops no door.
 */
export function keepConfig({
  settings,
  toml,
  keysDigest,
}: Kept): "kept" | "busy" | { readonly refusal: string } {
  const { stateDir } = settings.server;
  try {
    const file = lastConfigFile(stateDir);
    if (toml !== undefined && readPrivateFile(file) !== toml) writePrivateFile(file, toml);
    keepLastKeys(stateDir, keysDigest);
  } catch (error) {
    if (error instanceof FileBusy) return "busy";
    return { refusal: messageOf(error) };
  }
  return "kept";
}

/**
 * The configuration of the files, or, where they are refused and `mayFallBack`, the one that worked last, with
 * the refusal in `mistake`; that one as well where nobody confirmed the files in time. `requireTrust` may refuse the
 * file before it is read. Throws SallyportError (the refusal) where none worked before.
 */
export function readOrFallBack(
  file: string,
  mayFallBack: () => boolean,
  requireTrust: () => void = () => {},
): Configuration {
  let isTrusted = false;
  try {
    requireTrust();
    isTrusted = true;
    return unlessUnconfirmed(file, readConfiguration(file));
  } catch (refusal) {
    if (!(refusal instanceof SallyportError)) throw refusal;
    const stateDirs = lastStateDirs(file, isTrusted);
    if (stateDirs.length === 0 || !mayFallBack()) throw refusal;
    return {
      ...readFirst(isTrusted ? stateDirs.slice(0, 1) : stateDirs, refusal),
      mistake: refusal.message,
    };
  }
}

/** What worked last in the first of these folders that can be used. Throws SallyportError, the refusal among it. */
function readFirst(stateDirs: readonly string[], refusal: SallyportError): Configuration {
  const failures: string[] = [];
  for (const stateDir of stateDirs) {
    try {
      return readLast(stateDir);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      failures.push(`Nor could the one that worked last be used: ${error.message}`);
    }
  }
  throw new SallyportError([refusal.message, ...failures].join("\n"), refusal.exitCode, {
    cause: refusal,
  });
}

/**
 * The configuration, or the one that worked last where nobody confirmed it, and that one can be used: a warning says
 * where it cannot.
 */
function unlessUnconfirmed(file: string, read: Configuration): Configuration {
  const { stateDir } = read.settings.server;
  let mistake: string | undefined;
  try {
    mistake = describeUnconfirmed(file, read.toml, stateDir);
  } catch (error) {
    return warned(read, `Cannot tell whether somebody confirmed ${file}, and it is taken`, error);
  }
  if (mistake === undefined) return read;
  try {
    return { ...readLast(stateDir), mistake };
  } catch (error) {
    const what = `Nobody confirmed ${file} in time, and it is taken all the same, since what worked last cannot be used`;
    return warned(read, what, error);
  }
}

/** Throws what is no SallyportError. */
function warned(read: Configuration, what: string, error: unknown): Configuration {
  if (!(error instanceof SallyportError)) throw error;
  return { ...read, warnings: [`${what}: ${error.message.trimEnd()}`, ...read.warnings] };
}

/**
 * Keys removed since are missing here too: keys.toml takes precedence wherever it can be read. Doors
 * that are weaker for keys that came since still open: nobody could come in to mend it.
 */
function readLast(stateDir: string): Configuration {
  const file = lastConfigFile(stateDir);
  checkOwner(stateDir, file);
  const toml = readPrivateFile(file) ?? "";
  const settings = parseLastSettings(toml, file);
  const { keys, digest } = readKeys(stateDir);
  const weak = weaknessOf(settings, keys);
  const warnings = [
    ...(weak === undefined ? [] : [`The doors are weak: the ${weak}`]),
    ...warningsOf(settings),
  ];
  const plan = makePlan(settings, keys);
  return { settings, toml, keys, keysDigest: digest, plan, warnings };
}

function readKeys(stateDir: string) {
  try {
    return loadKeyTable(stateDir);
  } catch (error) {
    const file = lastKeysFile(stateDir);
    if (!(error instanceof SallyportError) || !existsSync(file)) throw error;
    return loadKeyTable(stateDir, file);
  }
}

/** Commands in it run with the rights of this process: a user with fewer must not have written it. */
function checkOwner(stateDir: string, file: string): void {
  const { uid } = statSync(stateDir);
  if (uid === process.geteuid!()) return;
  throw new SallyportError(
    `Cannot trust ${file}: ${stateDir} belongs to uid ${uid}: start the daemon as that user`,
    ExitCode.config,
  );
}

/** "config.toml:12": the place of the first mistake without its text, because anybody may read /readyz. */
export function placeOfMistake(refusal: string): string | undefined {
  const line =
    /([^\s/:]+\.toml):(\d+): /.exec(refusal) ??
    /([^\s/:]+\.toml): TOML is broken at line (\d+)/.exec(refusal);
  if (line !== null) return `${line[1]}:${line[2]}`;
  return /([^\s/:]+\.toml):/.exec(refusal)?.[1];
}
