/** Reads the files that configure the daemon, and refuses all of them when any is wrong. */

import { boundOf, checkBound } from "../keys/forgery-bound.ts";
import { loadKeyTable } from "../keys/keys.ts";
import { parseSettings, readConfigText } from "../config/load.ts";
import { programWarnings } from "../config/program-warnings.ts";
import { settingsWarnings } from "../config/warnings.ts";
import type { Settings } from "../config/settings.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { inTheWay } from "../files/in-the-way.ts";
import { makeFolder } from "../files/owner.ts";
import { detectDeny } from "../foreign-rules/deny.ts";
import { grantKinds } from "../data-plane/grant-request.ts";
import type { GuardPlan } from "../firewall/guard-plan.ts";
import type { KeyTable } from "../rks/key-table.ts";
import { makePlan, type Plan } from "../data-plane/plan.ts";

export interface Configuration {
  readonly settings: Settings;
  /** The text of the settings. */
  readonly toml: string;
  readonly keys: KeyTable;
  /** The digest of the keys' keys.toml. */
  readonly keysDigest: string;
  readonly plan: Plan;
  readonly warnings: readonly string[];
  /** Why the files were refused, where this is the configuration that worked last. */
  readonly mistake?: string;
}

/**
 * Throws SallyportError (exit 78) with every mistake; changes nothing except that it makes the
 * state directory. `accept` may refuse the settings before that directory is touched.
 */
export function readConfiguration(
  file: string,
  accept: (settings: Settings) => void = () => {},
): Configuration {
  const toml = readConfigText(file);
  const settings = parseSettings(toml, file);
  accept(settings);
  makeStateDir(settings.server.stateDir);
  return { settings, toml, ...readKeys(settings), warnings: warningsOf(settings) };
}

/** Warnings about settings that are allowed but may not be meant, on this machine. */
export function warningsOf(settings: Settings): string[] {
  return [...settingsWarnings(settings), ...programWarnings(settings)];
}

/**
 * The same configuration with the keys that the file holds now. Throws as `readConfiguration` does,
 * but refuses no keys by which the doors become stronger, however weak they are.
 */
export function withKeysOfNow(configuration: Configuration): Configuration {
  const { settings, keys } = configuration;
  return { ...configuration, ...readKeys(settings, boundOf(settings, keys).perDay) };
}

/** The same configuration with the keys of another one. */
export function withKeysOf(configuration: Configuration, other: Configuration): Configuration {
  const { keys, keysDigest } = other;
  return { ...configuration, keys, keysDigest, plan: makePlan(configuration.settings, keys) };
}

/** `weakness`: the chance of a forged opening a day that is there already. */
function readKeys(
  settings: Settings,
  weakness = 0,
): Pick<Configuration, "keys" | "keysDigest" | "plan"> {
  const { keys, digest } = loadKeyTable(settings.server.stateDir);
  checkBound(settings, keys, weakness);
  return { keys, keysDigest: digest, plan: makePlan(settings, keys) };
}

/**
 * How the guard of these settings denies. Where they leave that open, `detect` says how closed ports answer here; by
 * default it asks the kernel.
 */
export function denyOf({ guard: { deny } }: Settings, detect = detectDeny): GuardPlan["deny"] {
  return deny === "auto" ? detect() : { ip: deny, ip6: deny };
}

/**
 * The plan that closes every port of a door to all but its grants, for `probationMs` at most. Default of `deny`: what
 * the kernel says, as `denyOf`, which may throw.
 */
export function guardPlan(
  settings: Settings,
  probationMs = Infinity,
  deny = denyOf(settings),
): GuardPlan {
  return {
    guarded: settings.doors.flatMap(({ opens, openAfterMs = Infinity }) => {
      const forMs = Math.min(openAfterMs, probationMs);
      return opens.map((range) => (forMs === Infinity ? range : { ...range, forMs }));
    }),
    allow: settings.guard.alwaysAllow,
    deny,
    kinds: [...new Set(settings.doors.flatMap(grantKinds))],
    idleMs: [...new Set(settings.doors.flatMap(({ idleCloseMs }) => idleCloseMs ?? []))],
  };
}

function makeStateDir(path: string): void {
  const file = inTheWay(path);
  if (file !== undefined) {
    throw new SallyportError(
      `Cannot use the state directory "${path}": ${file} is no folder: move it away, or set server.state_dir`,
      ExitCode.config,
    );
  }
  try {
    makeFolder(path);
  } catch (error) {
    throw new SallyportError(
      `Cannot make the state directory "${path}": ${messageOf(error)}: create it for this user, or set server.state_dir`,
      undefined,
      { cause: error },
    );
  }
}
