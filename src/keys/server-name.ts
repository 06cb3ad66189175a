/** The name of this server, which is part of every key made for it. */

import { hostname } from "node:os";
import { join } from "node:path";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { encodeBase32 } from "../rks/base32.ts";
import { isServerName } from "../rks/key.ts";
import { createPrivateFile, readPrivateFile } from "../files/private-file.ts";
import type { Settings } from "../config/settings.ts";

/** The host's short name and four random characters, so that two hosts with one name differ. */
function makeName(host: string): string {
  const [short = ""] = host.toLowerCase().split(".");
  const plain = short.replaceAll(/[^a-z0-9-]/g, "").slice(0, 63) || "server";
  const suffix = encodeBase32(crypto.getRandomValues(new Uint8Array(3))).slice(0, 4);
  return `${plain}-${suffix.toLowerCase()}`;
}

/**
 * `server.name`, else the name in the state folder, which is made once. Throws (exit 78) where that
 * file does not hold a name: a new name would cut this server off from all keys derived with the
 * old one.
 */
export function serverName(settings: Settings): string {
  if (settings.server.name !== undefined) return settings.server.name;
  const file = join(settings.server.stateDir, "server-name");
  if (readPrivateFile(file) === undefined) createPrivateFile(file, `${makeName(hostname())}\n`);
  const name = readPrivateFile(file)?.trim() ?? "";
  if (isServerName(name)) return name;
  throw new SallyportError(
    `Cannot use ${file}: it does not hold a server name: restore it, or write server.name in config.toml`,
    ExitCode.config,
  );
}
