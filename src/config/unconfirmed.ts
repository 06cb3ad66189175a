/**
 * Remembers the config.toml that nobody confirmed in time. A start does not take it: the next reboot
 * would lock out the person whom the probation had let in again.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { UNCONFIRMED_FILE } from "../core/state-files.ts";
import {
  readPrivateFile,
  removePrivateFileForGood,
  writePrivateFile,
} from "../files/private-file.ts";
import { lastConfigFile } from "./last-settings.ts";

export function unconfirmedFile(stateDir: string): string {
  return join(stateDir, UNCONFIRMED_FILE);
}

/** The text itself may hold paths of commands that not everybody shall read. */
function nameOf(toml: string): string {
  return `${new Bun.CryptoHasher("sha256").update(toml).digest("hex")}\n`;
}

/** Nobody confirmed this text in time. Throws SallyportError where the state folder refuses the record. */
export function markUnconfirmed(stateDir: string, toml: string): void {
  writePrivateFile(unconfirmedFile(stateDir), nameOf(toml));
}

/** Somebody reloaded: the text counts again. Throws SallyportError where the state folder refuses. */
export function clearUnconfirmed(stateDir: string): void {
  removePrivateFileForGood(unconfirmedFile(stateDir));
}

/**
 * Why a start takes the configuration that worked last in place of `file`, which holds `toml`; undefined
 * where it takes the file, as always where no configuration worked before.
 */
export function describeUnconfirmed(
  file: string,
  toml: string,
  stateDir: string,
): string | undefined {
  if (!existsSync(lastConfigFile(stateDir))) return undefined;
  if (readPrivateFile(unconfirmedFile(stateDir)) !== nameOf(toml)) return undefined;
  return `${file}: nobody confirmed it in time, so that a start does not take it: mend it, or try it again with "sallyport reload --arm 5m"`;
}
