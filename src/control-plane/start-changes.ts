/** What a start changes for whom: a reload asks first, and a start finds nobody to ask. */

import { dangerOf, describeDifferences, differencesOf, type Terms } from "../config/differences.ts";
import { lastConfigFile, parseLastSettings } from "../config/last-settings.ts";
import { SallyportError } from "../core/errors.ts";
import { readPrivateFile } from "../files/private-file.ts";
import { digestOfKeys, lastKeysFile, loadKeyTable } from "../keys/keys.ts";
import type { Configuration } from "./configuration.ts";

/**
 * One sentence for each change since the configuration that worked last, with the way to take it on probation
 * where it could lock somebody out. Call it before that one is replaced. Nothing at a first start.
 */
export function describeStartChanges(now: Configuration): string[] {
  try {
    const before = lastTermsIfOther(now);
    if (before === undefined) return [];
    const differences = differencesOf(before, now);
    const changes = describeDifferences(differences).map((one) => `Changed at this start: ${one}`);
    const danger = dangerOf(differences, now.settings);
    if (danger === undefined) return changes;
    const remedy =
      'run "sallyport arm --for 5m", which opens the ports unless you come in and confirm';
    return [...changes, `Not sure that you can come in again: ${danger}: ${remedy}`];
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

/** Undefined where nothing ran before, and where it is the same: a hundred thousand keys are read for a change only. */
function lastTermsIfOther({ settings, toml, keysDigest }: Configuration): Terms | undefined {
  const { stateDir } = settings.server;
  const [file, keys] = [lastConfigFile(stateDir), lastKeysFile(stateDir)];
  const text = readPrivateFile(file);
  if (text === undefined) return undefined;
  if (text === toml && digestOfKeys(stateDir, keys) === keysDigest) return undefined;
  return { settings: parseLastSettings(text, file), keys: loadKeyTable(stateDir, keys).keys };
}
