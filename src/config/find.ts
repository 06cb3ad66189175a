/** Which configuration file a command reads. */

import { existsSync } from "node:fs";
import { ExitCode, SallyportError } from "../core/errors.ts";

/** Where a command looks without --config, in this order. */
export const CONFIG_FILES = ["./config.toml", "/etc/sallyport/config.toml"] as const;

/** The file named with --config, else the first of `CONFIG_FILES` that exists; throws (exit 78) where none does. */
export function findConfig(named?: string): string {
  if (named !== undefined) return named;
  const found = CONFIG_FILES.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new SallyportError(
    `Cannot find a configuration: neither ${CONFIG_FILES.join(" nor ")} exists: write one, or name it with --config`,
    ExitCode.config,
  );
}
