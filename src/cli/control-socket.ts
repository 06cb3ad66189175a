/**
 * Finds the daemon to talk to: the options that every such command has, and the socket they lead
 * to.
 */

import { once } from "node:events";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { Option } from "@commander-js/extra-typings";
import { findConfig } from "../config/find.ts";
import { lastSettings } from "../config/last-settings.ts";
import { loadSettings } from "../config/load.ts";
import { printable, printError } from "./output.ts";
import type { Settings } from "../config/settings.ts";
import { SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";

const DEFAULT_SOCKET = "/run/sallyport/control.sock";

export interface SocketOptions {
  readonly socket?: string | undefined;
  readonly config?: string | undefined;
}

export const socketOption = () =>
  new Option(
    "--socket <path>",
    "control socket of the daemon (default: as its configuration says)",
  );

export const configOption = () =>
  new Option("--config <file>", "configuration that names the socket");

/**
 * The path of `--socket`, else the one of the configuration. Where no socket is there, or the file
 * is broken, a daemon may run by the last configuration that worked, and listen where that says. A
 * default configuration that cannot be read (it may belong to root) is no obstacle: the path is
 * then the default one. Where no process listens at any of these, it is the socket of the daemon
 * that guards here, since `[api]` may have changed.
 */
export async function controlSocket(options: SocketOptions): Promise<string> {
  if (options.socket !== undefined) return options.socket;
  const said = configuredSocket(options);
  return (await hasListener(said)) ? said : ((await guardSocket(said)) ?? said);
}

/**
 * The socket of the daemon that guards here, announced on standard error, where no process listens
 * at `instead`.
 */
export async function guardSocket(instead: string): Promise<string | undefined> {
  const { socketOfGuard } = await import("../control-plane/guard/guard-lock.ts");
  const found = socketOfGuard();
  if (found === undefined || found === instead) return undefined;
  printError(
    printable(
      `Nobody listens on ${instead}: using ${found}, the socket of the sallyport that guards here`,
    ),
  );
  return found;
}

/** False only where nothing can listen: a killed daemon leaves the file of its socket behind. */
export async function hasListener(path: string): Promise<boolean> {
  const connection = createConnection(path);
  try {
    await once(connection, "connect");
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== "ENOENT" && code !== "ECONNREFUSED";
  } finally {
    connection.destroy();
  }
}

function configuredSocket({ config }: SocketOptions): string {
  try {
    const file = findConfig(config);
    const said = trySettings(file);
    if (!(said instanceof SallyportError) && existsSync(said.api.socket)) return said.api.socket;
    const running = lastSettings(file)?.api.socket;
    if (running !== undefined && existsSync(running)) return running;
    if (said instanceof SallyportError) throw said;
    return said.api.socket;
  } catch (error) {
    if (config === undefined && error instanceof SallyportError) return DEFAULT_SOCKET;
    throw error;
  }
}

function trySettings(file: string): Settings | SallyportError {
  try {
    return loadSettings(file);
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}
