/** Files of the state folder that more than one part knows. */

/** The keys of all devices, mode 0600. */
export const KEYS_FILE = "keys.toml";

/**
 * Stands from the first key on until the first start of a daemon. Keys without this and without a record
 * of uses are keys whose record was lost.
 */
export const FIRST_START_FILE = "first-start";
