/** The answers that `sallyport init` needs: read from text, proposed from the machine. */

import { bareHost } from "../keys/profile.ts";
import { quote } from "../config/mistake.ts";
import { EVERYBODY, isName, NAME_RULE } from "../config/names.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPort, formatPortRange, parsePortRange, type PortRange } from "../core/port.ts";
import type { Settings } from "../config/settings.ts";
import type { Machine } from "./machine.ts";

export interface Answers {
  /** The ports to hide. */
  readonly guard: readonly PortRange[];
  /** Who may knock. */
  readonly users: readonly string[];
  /** Name or address in the links. */
  readonly host: string;
}

/** As text, in the form in which people write the answers. */
export type Written = { readonly [Key in keyof Answers]: string };

/** What the machine proposes; an empty answer has to be given. */
export function proposals({ services, host, user }: Machine): Written {
  const ssh = services.find(({ program = "" }) => /^sshd\b/.test(program));
  const other = services.find(({ proto, port }) => proto === "tcp" && port === 22);
  const found = ssh ?? other;
  return { guard: found === undefined ? "" : formatPort(found), users: user, host };
}

/** What a configuration that stands says already. */
export function answersIn({ server, doors }: Settings): Partial<Written> {
  const rotating = doors.filter(({ users }) => users.length > 0);
  const users = rotating.flatMap((door) => door.users).filter((user) => user !== EVERYBODY);
  return {
    ...(rotating.length > 0 && { guard: formatGuard(rotating.flatMap(({ opens }) => opens)) }),
    ...(users.length > 0 && { users: users.join(", ") }),
    ...(server.host !== undefined && { host: server.host }),
  };
}

/** "22/tcp, 443" in any order. Throws a usage error. */
export function readGuard(text: string): PortRange[] {
  const words = wordsOf(text);
  if (words.length === 0) refuse("it names no port", "write one such as 22/tcp");
  return words.map(
    (word) =>
      parsePortRange(word) ??
      refuse(`${quote(word)} is no port`, 'write ports such as "22/tcp, 51820/udp"'),
  );
}

/** "alice, bob". Throws a usage error. */
export function readUsers(text: string): string[] {
  const words = [...new Set(wordsOf(text))];
  if (words.length === 0) refuse("it names no user", "write who may knock, such as alice");
  for (const word of words)
    if (!isName(word)) refuse(`${quote(word)} is no name`, `write ${NAME_RULE}`);
  return words;
}

/** A name or an address; an IPv6 address without brackets. Throws a usage error. */
export function readHost(text: string): string {
  const host = bareHost(text.trim());
  if (/^[\w.:%-]+$/.test(host)) return host;
  return refuse(`${quote(text)} is no host`, 'write a name or an address such as "gate.example"');
}

export const READERS = { guard: readGuard, users: readUsers, host: readHost } as const;

export function formatGuard(guard: readonly PortRange[]): string {
  return guard.map(formatPortRange).join(", ");
}

function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function refuse(state: string, remedy: string): never {
  throw new SallyportError(`Cannot set up: ${state}: ${remedy}`, ExitCode.usage);
}
