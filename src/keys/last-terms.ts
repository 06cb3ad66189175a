/** The doors and keys that worked last, for comparison with new ones. */

import type { Terms } from "../config/cut-offs.ts";
import { lastSettings } from "../config/last-settings.ts";
import { SallyportError } from "../core/errors.ts";
import { lastKeysFile, loadKeyTable } from "./keys.ts";

/** The configuration that worked last, with its keys; undefined like `lastSettings`. */
export function lastTerms(file: string): Terms | undefined {
  const settings = lastSettings(file);
  if (settings === undefined) return undefined;
  const { stateDir } = settings.server;
  try {
    return { settings, keys: loadKeyTable(stateDir, lastKeysFile(stateDir)).keys };
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}
