/** Finds the daemon to talk to: the options every such command has, and the socket they lead to. */

import { Option } from "@commander-js/extra-typings";
import { findConfig } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import { SallyportError } from "../core/errors.ts";

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
 * The path `--socket` gives, else the one of the configuration. A configuration that nobody named
 * and that cannot be read (it may belong to root, or be broken while the daemon runs on an older
 * one) is no obstacle: then it is the default path.
 */
export function controlSocket({ socket, config }: SocketOptions): string {
  if (socket !== undefined) return socket;
  if (config !== undefined) return loadSettings(config).api.socket;
  try {
    return loadSettings(findConfig()).api.socket;
  } catch (error) {
    if (error instanceof SallyportError) return DEFAULT_SOCKET;
    throw error;
  }
}
