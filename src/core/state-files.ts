/** Files of the state folder that more than one part knows. */

/** The default of server.state_dir. */
export const DEFAULT_STATE_DIR = "/var/lib/sallyport";

/** The keys of all devices, mode 0600. */
export const KEYS_FILE = "keys.toml";

/**
 * Exists from the first key on until the first start of a daemon. Keys without this file and
 * without a record of uses are keys whose record was lost.
 */
export const FIRST_START_FILE = "first-start";

/** Whether a daemon ran in a folder with files of these names: it leaves databases, also damaged ones that were put aside. */
export function showsRun(names: readonly string[]): boolean {
  return names.some((name) => /^(uses|audit|owed)\.db/.test(name));
}

/** A copy of the config.toml that was in force last. */
export const LAST_CONFIG_FILE = "config.last.toml";

/**
 * The keys that were in force last, for a start that finds a broken keys.toml. A removed key leaves
 * this copy first.
 */
export const LAST_KEYS_FILE = "keys.last.toml";

/** Names the config.toml that nobody confirmed in time. */
export const UNCONFIRMED_FILE = "unconfirmed";

/** The audit log. */
export const AUDIT_FILE = "audit.db";
