/** Hosts and ports as addresses of the web. */

import { firstTcpPort } from "../rks/profile-link.ts";
import { isBlocked } from "./blocked-ports.ts";
import type { Door } from "./door.ts";

const SSH_PORTS: ReadonlySet<number> = new Set([22, 222, 2_022, 2_222, 8_022, 22_222]);
const TLS_PORTS: ReadonlySet<number> = new Set([443, 4_443, 8_443, 9_443]);
const STANDARD = { http: 80, https: 443, ssh: 22 } as const;

export type Scheme = keyof typeof STANDARD;

/** An address, its port left out where the scheme means it. */
export function addressOf(scheme: Scheme, host: string, port: number): string {
  const written = host.includes(":") ? `[${host}]` : host;
  return `${scheme}://${written}${port === STANDARD[scheme] ? "" : `:${port}`}/`;
}

/** Where one connection attempt goes: no byte is sent, so the scheme says nothing. */
export function knockAddress(host: string, port: number): string {
  return addressOf("https", host, port);
}

/** The first port of the door that a page may look at; undefined where there is none. */
export function portToLookAt({ opens }: Pick<Door, "opens">): number | undefined {
  return opens.find(({ proto, from }) => proto === "tcp" && !isBlocked(from))?.from;
}

/** What a door leads to: `answered` is the scheme that its service answered, where one did. */
export function destinationOf(
  door: Pick<Door, "host" | "opens">,
  answered: "http" | "https" | undefined,
): { readonly scheme: Scheme; readonly url: string } | undefined {
  const port = (answered && portToLookAt(door)) ?? firstTcpPort(door);
  if (port === undefined) return undefined;
  const scheme = schemeOf(port, answered);
  return scheme && { scheme, url: addressOf(scheme, door.host, port) };
}

/** A service that wants TLS answers plain http as well, by saying so. */
function schemeOf(port: number, answered: "http" | "https" | undefined): Scheme | undefined {
  if (TLS_PORTS.has(port)) return "https";
  if (answered !== undefined) return answered;
  if (SSH_PORTS.has(port)) return "ssh";
  return port === STANDARD.http ? "http" : undefined;
}
