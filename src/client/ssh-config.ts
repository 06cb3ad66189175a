/** The block of ssh_config(5) that makes OpenSSH reach a host through `sallyport proxy`. */

import { ExitCode, SallyportError } from "../core/errors.ts";
import { includesTcp } from "../core/port.ts";
import { shellWord } from "../core/shell-command.ts";
import { firstTcpPort } from "../rks/profile-link.ts";
import type { Profile } from "../rks/profile-link.ts";

export interface SshHost {
  /** The profile's name: what one will type behind `ssh`. */
  readonly name: string;
  readonly profile: Profile;
  /** The words that start this program; a full path, since programs with windows have a PATH of their own. */
  readonly self: readonly string[];
  readonly platform: NodeJS.Platform;
}

const SSH_PORT = 22;

/** A word as the shell that ssh starts takes it, on Windows as CreateProcess does; "%" is ssh's own. */
function quoted(word: string, platform: NodeJS.Platform): string {
  const text = word.replaceAll("%", "%%");
  if (platform !== "win32") return shellWord(text);
  return /^[\w./:\\@%+=,-]+$/.test(text) ? text : `"${text}"`;
}

/** The port to name; undefined where the door opens ssh's own, or the link names none. */
function portOf({ opens }: Profile, first: number | undefined): number | undefined {
  return includesTcp(opens, SSH_PORT) ? undefined : first;
}

/**
 * ssh puts the host in place of %h and hands the line to a shell: what stands in a link behind "%" would be a
 * command there.
 */
function checkHost({ host }: Profile, name: string): void {
  const plain = host.replace("%", "");
  if (shellWord(plain) === plain) return;
  throw new SallyportError(
    `Cannot write lines for ${name}: the name of the interface in its link holds signs that a shell obeys: have it named by its number there, or by another name`,
    ExitCode.config,
  );
}

/**
 * The block, without a line end. OpenSSH passes sockets on Unix alone; only on Linux this program does. Throws a
 * SallyportError for a link with a host that a shell would not take for one word.
 */
export function sshConfig({ name, profile, self, platform }: SshHost): string {
  checkHost(profile, name);
  const port = portOf(profile, firstTcpPort(profile));
  const command = self.map((word) => quoted(word, platform)).join(" ");
  const alias = profile.host.includes("%") || profile.host === name ? "" : ` ${profile.host}`;
  return [
    `Host ${name}${alias}`,
    `  HostName ${profile.host.replaceAll("%", "%%")}`,
    ...(port === undefined ? [] : [`  Port ${port}`]),
    `  ProxyCommand ${command} proxy ${name} %h %p`,
    ...(platform === "linux" ? ["  ProxyUseFdpass yes"] : []),
  ].join("\n");
}
