/** Where an agent listens and where its forwards lead, as people write it. Pure. */

import { isLoopbackHost, parseAddress } from "../core/address.ts";

export interface Place {
  /** An address, without brackets. */
  readonly address: string;
  readonly port: number;
}

export const LOOPBACK = "127.0.0.1";

export const DEFAULT_PLACE: Place = { address: LOOPBACK, port: 1080 };

/** A port of this computer, that leads to one of a profile's host. */
export interface Forward {
  readonly at: Place;
  /** The name of a saved profile. */
  readonly profile: string;
  /** Undefined: the first that its door opens. */
  readonly port: number | undefined;
}

function readPort(digits: string): number | undefined {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Reads "1080", "127.0.0.1:1080", "[::1]:1080" and "localhost:1080"; undefined for any other text. */
export function readPlace(text: string): Place | undefined {
  const [, host = LOOPBACK, digits = ""] = /^(?:(.*):)?(\d+)$/.exec(text) ?? [];
  const port = readPort(digits);
  const named = host === "localhost" ? LOOPBACK : host;
  const bracketed = /^\[(.*)\]$/.exec(named)?.[1];
  const address = bracketed ?? named;
  // An IPv6 address without brackets is not told from its port.
  if (address.includes(":") !== (bracketed !== undefined)) return undefined;
  return port === undefined || parseAddress(address) === undefined ? undefined : { address, port };
}

/** Reads "8443=home:443", "8443=home" and "127.0.0.2:443=home:443"; undefined for any other text. */
export function readForward(text: string): Forward | undefined {
  const [, left = "", profile = "", digits] = /^([^=]+)=([^=:]+)(?::(\d+))?$/.exec(text) ?? [];
  const at = readPlace(left);
  const port = digits === undefined ? undefined : readPort(digits);
  if (at === undefined || (digits !== undefined && port === undefined)) return undefined;
  return { at, profile, port };
}

/** "127.0.0.1:1080", "[::1]:1080". */
export function formatPlace({ address, port }: Place): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** "8443=home:443"; the address is left out where it is the usual one. */
export function formatForward({ at, profile, port }: Forward): string {
  const here = at.address === LOOPBACK ? `${at.port}` : formatPlace(at);
  return port === undefined ? `${here}=${profile}` : `${here}=${profile}:${port}`;
}

/** Whether only programs of this computer get there. */
export function isPrivate({ address }: Place): boolean {
  return isLoopbackHost(address);
}
