/** The files that `sallyport service` and `sallyport firewall install` write, and their paths. */

import { existsSync, lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { loadSettings } from "../config/load.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { lastConfigFile } from "../config/last-settings.ts";
import { packagedAlike } from "./packaged.ts";
import { ENABLED, GUARD_UNIT, SERVICE_UNIT, SYSUSERS } from "./places.ts";
import { guardUnit, serviceUnit, sysusers } from "./unit.ts";
import { removeFiles, type WrittenFile, writeFiles } from "./own-files.ts";

export { GUARD_UNIT, SERVICE_UNIT, SYSUSERS };

export interface UnitOptions {
  /** Absolute. */
  readonly executable: string;
  readonly config: string;
  /** "" for this machine, else the folder that takes the place of its root: "/tmp/package". */
  readonly root: string;
}

export interface ServiceOptions extends UnitOptions {
  readonly user: string;
}

/**
 * The files of the service. Throws SallyportError for a program or path that could not work in its
 * sandbox.
 */
export function serviceFiles(options: ServiceOptions): WrittenFile[] {
  const { user } = options;
  if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(user)) {
    refuse(`--user is "${user}"`, 'name a user such as "sallyport", or "root"');
  }
  requirePlace(options);
  const { stateDir, socket } = configured(options);
  const { executable, config } = options;
  const plan = { executable, config, user, stateDir, runDir: dirname(socket) };
  const unit = { path: SERVICE_UNIT, text: serviceUnit(plan) };
  return user === "root" ? [unit] : [{ path: SYSUSERS, text: sysusers(plan) }, unit];
}

export function guardFiles(options: UnitOptions): WrittenFile[] {
  requirePlace(options);
  const { executable, config } = options;
  const lastConfig = lastConfigFile(configured(options).stateDir);
  return [{ path: GUARD_UNIT, text: guardUnit({ executable, config, lastConfig }) }];
}

/**
 * The commands to run before the service can start, besides those that every unit needs; each is
 * the words of an argv.
 */
export function preparations(options: ServiceOptions): string[][] {
  const { user, config, root } = options;
  if (user === "root") return [];
  const { mode = 0 } = statSync(root + config, { throwIfNoEntry: false }) ?? {};
  // It holds no secret, but an administrator who closes it must let the service read it.
  const read =
    mode === 0 || (mode & 0o004) !== 0
      ? []
      : [
          ["chown", `root:${user}`, config],
          ["chmod", "0640", config],
        ];
  const { stateDir } = configured(options);
  // systemd makes a folder below /var/lib, and hands over one that exists.
  const own = stateDir.startsWith("/var/lib/")
    ? []
    : [
        ["install", "-d", "-m", "0700", "-o", user, "-g", user, stateDir],
        ["chown", "-R", `${user}:`, stateDir],
      ];
  return [["systemd-sysusers"], ...read, ...own];
}

/** The files by which a package under `root` brought the same text already, by the package's paths. */
export function broughtByPackage(files: readonly WrittenFile[], root: string): string[] {
  return files.flatMap((file) => packagedAlike(file, root) ?? []);
}

/** Writes them, except those that a package brought word for word; returns their paths. */
export function install(files: readonly WrittenFile[], root: string): string[] {
  const own = files.filter((file) => packagedAlike(file, root) === undefined);
  return writeFiles(own, root);
}

/**
 * Removes the files that `install` of the service wrote; returns their paths. The user, keys and
 * state stay.
 */
export function removeService(root: string): string[] {
  refuseEnabled(root, SERVICE_UNIT, "sallyport");
  return removeFiles([SERVICE_UNIT, SYSUSERS], root);
}

export function removeGuardUnit(root: string): string[] {
  refuseEnabled(root, GUARD_UNIT, "sallyport-guard");
  return removeFiles([GUARD_UNIT], root);
}

/** A unit that is removed while it is enabled leaves a dangling link. */
function refuseEnabled(root: string, place: string, unit: string): void {
  const link = root + ENABLED[place];
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return;
  throw new SallyportError(
    `Cannot remove ${unit}.service: it is enabled: run "systemctl disable --now ${unit}" first`,
  );
}

/** The sandbox hides these folders, so nothing there could be started or read. */
const HIDDEN = /^\/(home|root|tmp|var\/tmp|run\/user)\//;

/** Throws a usage error for a program or a configuration that a service could not start or read. */
export function requirePlace({ executable, config }: Omit<UnitOptions, "root">): void {
  for (const [what, path] of [
    ["the executable", executable],
    ["the configuration", config],
  ] as const) {
    if (!path.startsWith("/")) refuse(`${what} is "${path}"`, "name its absolute path");
    if (/[\p{Cc}]/u.test(path)) refuse(`${what} has a control character`, "rename it");
    if (HIDDEN.test(path)) {
      refuse(
        `${what} is ${path}, which services do not see`,
        what === "the executable"
          ? "copy it to /usr/local/bin and run it from there"
          : "move it to /etc/sallyport/config.toml",
      );
    }
  }
  // systemd takes a program's path literally: other characters cannot be written.
  if (!/^[\w./@:+-]+$/.test(executable)) {
    refuse(`the executable is "${executable}"`, 'name a path of letters, digits and "._@:+-" only');
  }
  if (/\/bun(\.exe)?$/.test(executable)) {
    refuse(
      "this is no compiled executable",
      "build one (scripts/build), or name it with --executable",
    );
  }
}

/**
 * Paths of the configuration; the defaults where a package is made and no configuration exists yet.
 */
function configured({ config, root }: UnitOptions): { stateDir: string; socket: string } {
  const file = root + config;
  if (root !== "" && !existsSync(file)) {
    return { stateDir: "/var/lib/sallyport", socket: "/run/sallyport/control.sock" };
  }
  const { server, api } = loadSettings(file);
  return { stateDir: server.stateDir, socket: api.socket };
}

function refuse(state: string, remedy: string): never {
  throw new SallyportError(`Cannot install: ${state}: ${remedy}`, ExitCode.usage);
}
