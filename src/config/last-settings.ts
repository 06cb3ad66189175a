/**
 * Where the configuration that worked last is kept; it is also found beside an unreadable
 * config.toml.
 */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../core/errors.ts";
import { DEFAULT_STATE_DIR, LAST_CONFIG_FILE } from "../core/state-files.ts";
import { readPrivateFile } from "../files/private-file.ts";
import { parseSettings, readConfigText } from "./load.ts";
import type { Settings } from "./settings.ts";

export function lastConfigFile(stateDir: string): string {
  return join(stateDir, LAST_CONFIG_FILE);
}

/**
 * The state folder that a file names, even a broken one; undefined where it names none or cannot be
 * read.
 */
export function namedStateDir(file: string): string | undefined {
  try {
    return /^\s*state_dir\s*=\s*["']([^"'\n]+)["']/m.exec(readConfigText(file))?.[1];
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}

/**
 * Where the state may be, judging by a broken file and the service manager; the likeliest first. A file
 * that is not trusted is heard last.
 */
export function stateDirs(file: string, isTrusted = true): string[] {
  const given = process.env["STATE_DIRECTORY"]?.split(":")[0];
  const [named, others] = [namedStateDir(file), [given, DEFAULT_STATE_DIR]];
  const dirs = isTrusted ? [named, ...others] : [...others, named];
  return dirs.filter((dir) => dir !== undefined);
}

/**
 * Those of `stateDirs` that hold a configuration that worked; the likeliest first. Where the file is not trusted, nothing
 * but their age tells one that is in use from one that was left.
 */
export function lastStateDirs(file: string, isTrusted = true): string[] {
  const dirs = stateDirs(file, isTrusted).filter((dir) => existsSync(lastConfigFile(dir)));
  const ageOf = (dir: string) => -statSync(lastConfigFile(dir)).mtimeMs;
  return isTrusted ? dirs : dirs.toSorted((a, b) => ageOf(a) - ageOf(b));
}

/** The likeliest of them; undefined where there is none. */
export function lastStateDir(file: string): string | undefined {
  return lastStateDirs(file)[0];
}

/**
 * Reads the copy of the configuration that worked last; throws like `parseSettings`. An unknown key
 * is not a mistake here: a later sallyport knew it, and a return to this one must not lock anybody
 * out.
 */
export function parseLastSettings(toml: string, file: string): Settings {
  return parseSettings(toml, file, { lenient: true });
}

/** The settings that worked last; undefined where there are none or this user may not read them. */
export function lastSettings(file: string): Settings | undefined {
  const stateDir = lastStateDir(file);
  if (stateDir === undefined) return undefined;
  try {
    const last = lastConfigFile(stateDir);
    return parseLastSettings(readPrivateFile(last) ?? "", last);
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}
