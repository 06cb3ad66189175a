/** The configuration that the guard was loaded from last, kept for a boot that finds a broken one. */

import { join } from "node:path";
import { readPrivateFile, writePrivateFile } from "../files/private-file.ts";
import { messageOf } from "../core/errors.ts";
import type { Configuration } from "./configuration.ts";
import { log } from "./log.ts";

const NAME = "config.last.toml";

export function lastConfigFile(stateDir: string): string {
  return join(stateDir, NAME);
}

/** Keeps the text of a config.toml that is in force; a state folder that takes nothing stops no door. */
export function keepConfig({ settings, toml }: Configuration): void {
  const file = lastConfigFile(settings.server.stateDir);
  try {
    if (readPrivateFile(file) !== toml) writePrivateFile(file, toml);
  } catch (error) {
    log("warning", `A boot with a broken configuration would guard nothing: ${messageOf(error)}`);
  }
}
