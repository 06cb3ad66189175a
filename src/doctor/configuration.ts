/** Check: the configuration can be taken; if not, the one that a daemon works by meanwhile. */

import { connectControl } from "../api/client.ts";
import { resolve } from "node:path";
import { CONFIG_FILES, requireServiceTrust } from "../config/find.ts";
import { lastSettings, namedStateDir } from "../config/last-settings.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { warningsOf } from "../control-plane/configuration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { type Findings, ok, problem, unseen, warning } from "../core/finding.ts";

export interface ConfigurationFacts {
  /** Undefined: there is no file. */
  readonly file: string | undefined;
  /** Why the file is refused. */
  readonly refusal?: SallyportError;
  /**
   * The settings of the file; where it is refused, those that worked last. Undefined: neither can
   * be read.
   */
  readonly settings: Settings | undefined;
  /** A daemon answers on the socket of these settings. */
  readonly answers: boolean;
}

/** `isNamed`: somebody vouches for the file. Else one that others could have written is refused. */
export async function readConfiguration(
  file: string | undefined,
  isNamed = true,
): Promise<ConfigurationFacts> {
  if (file === undefined) return { file, settings: undefined, answers: false };
  try {
    if (!isNamed) requireServiceTrust(file);
    const settings = loadSettings(file);
    return { file, settings, answers: await daemonAnswers(settings) };
  } catch (refusal) {
    if (!(refusal instanceof SallyportError)) throw refusal;
    const settings = isInUse(file) ? lastSettings(file) : undefined;
    const answers = settings !== undefined && (await daemonAnswers(settings));
    return { file, refusal, settings, answers };
  }
}

/**
 * The settings that worked last belong to the file that a daemon reads, never to a draft elsewhere
 * without a state folder.
 */
function isInUse(file: string): boolean {
  return resolve(file) === CONFIG_FILES[0] || namedStateDir(file) !== undefined;
}

async function daemonAnswers({ api }: Settings): Promise<boolean> {
  try {
    await connectControl(api.socket).status();
    return true;
  } catch (error) {
    if (error instanceof SallyportError) return false;
    throw error;
  }
}

/** `why`: why the file was taken, for the case that it is refused. */
export function checkConfiguration(facts: ConfigurationFacts, why?: string): Findings {
  const { file, refusal, settings } = facts;
  if (refusal !== undefined) return [refused(facts, refusal, why)];
  if (settings === undefined) {
    return [
      problem(
        "There is no configuration: doors, keys, interfaces and rules were not looked at",
        "write one, or name it with --config",
      ),
    ];
  }
  const warnings = warningsOf(settings).map((said) =>
    warning(said, "see docs/config.md, and leave it if it is meant"),
  );
  const doors = settings.doors.length === 1 ? "1 door" : `${settings.doors.length} doors`;
  return [ok(`${file} is valid: ${doors}`), ...warnings];
}

function refused(
  { file, settings, answers }: ConfigurationFacts,
  { exitCode, message }: SallyportError,
  why: string | undefined,
): Findings[number] {
  if (exitCode === ExitCode.privilege) return unseen(`${file}`);
  const taken = why === undefined ? "" : `; ${why}`;
  const mend = 'correct it until "sallyport check" is content';
  if (answers) {
    return warning(
      message,
      `${mend}, then run "sallyport reload": the running daemon works by the files that worked last, and so do the checks below${taken}`,
    );
  }
  const below = settings === undefined ? "" : "; the checks below go by the files that worked last";
  return problem(message, `${mend}${below}${taken}`);
}
