/**
 * The units and the user in the form of a package: below /usr/lib, with the same paths in every
 * package.
 */

import { existsSync } from "node:fs";
import { lastConfigFile } from "../config/last-settings.ts";
import { DEFAULT_STATE_DIR } from "../core/state-files.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { GUARD_UNIT, SERVICE_UNIT, SYSUSERS } from "./places.ts";
import { guardUnit, serviceUnit, sysusers } from "./unit.ts";
import type { WrittenFile } from "./own-files.ts";

const PLAN = {
  executable: "/usr/bin/sallyport",
  config: "/etc/sallyport/config.toml",
  user: "sallyport",
  stateDir: DEFAULT_STATE_DIR,
  runDir: "/run/sallyport",
} as const;

/**
 * The package's places for the files that `install` writes below /etc, where they would take
 * precedence.
 */
export const PACKAGED: Readonly<Record<string, string>> = {
  [SYSUSERS]: "/usr/lib/sysusers.d/sallyport.conf",
  [SERVICE_UNIT]: "/usr/lib/systemd/system/sallyport.service",
  [GUARD_UNIT]: "/usr/lib/systemd/system/sallyport-guard.service",
};

/** The same text that `sallyport service install` and `sallyport firewall install` write, without their seal. */
export function packagedFiles(): WrittenFile[] {
  const guard = { ...PLAN, lastConfig: lastConfigFile(PLAN.stateDir) };
  return [
    { path: PACKAGED[SYSUSERS]!, text: sysusers(PLAN) },
    { path: PACKAGED[SERVICE_UNIT]!, text: serviceUnit(PLAN) },
    { path: PACKAGED[GUARD_UNIT]!, text: guardUnit(guard) },
  ];
}

/**
 * The file by which a package under `root` has the same text as `file`; undefined where none has.
 */
export function packagedAlike({ path, text }: WrittenFile, root: string): string | undefined {
  const packaged = root + PACKAGED[path];
  return existsSync(packaged) && readRegularFile(packaged) === text ? packaged : undefined;
}
