/** `sallyport firewall load`: the guard of a configuration, loaded once and without a daemon. */

import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { standingConfig } from "../config/find.ts";
import { parseLastSettings } from "../config/last-settings.ts";
import { parseSettings, readConfigText } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { describeUnconfirmed } from "../config/unconfirmed.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPortRange } from "../core/port.ts";
import { readPrivateFile } from "../files/private-file.ts";
import { guardLoaded, loadGuard } from "../firewall/guard.ts";
import type { GuardPlan } from "../firewall/guard-plan.ts";
import { adoptSessions } from "../firewall/sessions.ts";
import { guardedPorts } from "../config/guarded-ports.ts";
import { guardPlan } from "../control-plane/configuration.ts";
import { ProbationFile } from "../control-plane/guard/probation-file.ts";
import { requireNetAdmin } from "./firewall-access.ts";

/** The guard that was loaded. */
export interface LoadedGuard {
  /** As text, "22/tcp"; empty where a probation lapsed. */
  readonly ports: readonly string[];
  /** Milliseconds left of a probation begun earlier, 0 where it lapsed; undefined without one. */
  readonly probationLeftMs: number | undefined;
}

/**
 * Needs CAP_NET_ADMIN and the configuration, but no keys. Living sessions, grants and uses stay, so
 * a running daemon is not disturbed. A probation on record goes on, so that a boot without a daemon
 * locks nobody out. Throws SallyportError, also where nobody confirmed the file.
 */
export function loadGuardOnce(file: string): LoadedGuard {
  requireNetAdmin("load the guard");
  return load(confirmedSettings(file));
}

/**
 * The same for a unit, which names a file and vouches for nobody who could have written it: root, or the daemon's user,
 * who owns the folder of the fallback, must have. Where the file is refused, or nobody confirmed it, and there is a
 * `fallback`, the guard of the fallback is loaded, and the refusal is still thrown. Throws SallyportError.
 */
export function loadGuardForUnit(named: string | undefined, fallback: string): LoadedGuard {
  requireNetAdmin("load the guard");
  const { uid } = statSync(dirname(fallback), { throwIfNoEntry: false }) ?? {};
  const config = standingConfig(named, false, uid === undefined ? [] : [uid]);
  let settings: Settings;
  try {
    config.requireTrust();
    settings = confirmedSettings(config.file);
  } catch (error) {
    if (!(error instanceof SallyportError) || !existsSync(fallback)) throw error;
    throw guardedByFallback(error, fallback);
  }
  return load(settings);
}

/** Throws SallyportError where nobody confirmed the file in time. */
function confirmedSettings(file: string): Settings {
  const toml = readConfigText(file);
  const settings = parseSettings(toml, file);
  const refusal = describeUnconfirmed(file, toml, settings.server.stateDir);
  if (refusal !== undefined) throw new SallyportError(refusal, ExitCode.config);
  return settings;
}

function load(settings: Settings): LoadedGuard {
  const probationLeftMs = new ProbationFile(settings.server.stateDir).leftMs(Date.now());
  const lapsed = probationLeftMs === 0;
  const guarded = lapsed ? [] : guardedPorts(settings);
  adoptSessions(guarded);
  const plan = {
    ...guardPlan(settings, probationLeftMs),
    ...(!guardLoaded() && unknown(settings)),
  };
  loadGuard(lapsed ? { ...plan, guarded } : plan);
  return { ports: [...new Set(guarded.map(formatPortRange))], probationLeftMs };
}

/**
 * A table made here knows no use: a daemon that was killed while the one before it stood must not take it for that, as
 * long as any knock of then could be believed.
 */
function unknown({ doors }: Settings): Pick<GuardPlan, "doubtMs"> {
  const lives = doors.map(({ space }) => (2 * space.skew + 2) * space.stepSeconds * 1_000);
  return { doubtMs: Math.max(0, ...lives) };
}

function guardedByFallback(refusal: SallyportError, fallback: string): SallyportError {
  let outcome: string;
  try {
    // It stands in a folder of the daemon's user: no link, no pipe, and nothing of anybody else's.
    const loaded = load(parseLastSettings(readPrivateFile(fallback) ?? "", fallback));
    outcome = `Guarding ${loaded.ports.join(", ") || "no port"} all the same, as the configuration that worked last has it (${fallback}): mend the one above and load it again`;
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    outcome = `Nor could the one that worked last be loaded: ${error.message}`;
  }
  return new SallyportError(`${refusal.message}\n${outcome}`, refusal.exitCode, { cause: refusal });
}
