/**
 * The profile link: everything that a client needs to knock at one door, in one line that fits a QR
 * code.
 */

import { type Family, parseAddress } from "../core/address.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPortRange, parsePortRange } from "../core/port.ts";
import type { PortRange, Proto } from "../core/port.ts";
import { lacksZone, parseScoped } from "../core/scoped-address.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { isDoorName, KEY_BYTES } from "./key.ts";
import { DEFAULT_SPACE, SPACE_LIMITS } from "./space.ts";

/** One device's way to one door. Holds the key: treat it as a password. */
export interface Profile {
  /** "alice" or "alice/laptop". */
  readonly user: string;
  /**
   * A name, an IPv4 address, or an IPv6 address without brackets; a link-local one has its zone:
   * "fe80::1%eth0".
   */
  readonly host: string;
  readonly door: string;
  readonly key: Uint8Array;
  readonly lo: number;
  readonly hi: number;
  readonly ports: number;
  readonly stepSeconds: number;
  readonly proto: Proto;
  /** The ports that the door opens, for the client to wait on; empty where it opens none. */
  readonly opens: readonly PortRange[];
}

/**
 * The TCP port that a client can wait for: the first that the door opens; undefined where it opens
 * none.
 */
export function firstTcpPort({ opens }: Pick<Profile, "opens">): number | undefined {
  return opens.find((range) => range.proto === "tcp")?.from;
}

const LINK = /^rks1:\/\/([^@/?#]+)@(\[[^\]@/?#]+\]|[^@/?#:[\]]+)\/([^/?#]+)\?([^#]+)$/i;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const USER = /^[^\s/\p{Cc}]{1,64}(\/[^\s/\p{Cc}]{1,64})?$/u;
const PARAMETERS = ["key", "lo", "hi", "n", "step", "proto", "opens"];

/** No message may quote any part of a link: the misplaced part may be the key. */
function refuse(reason: string): never {
  throw new SallyportError(`Cannot read the profile link: ${reason}`, ExitCode.usage);
}

function readUser(encoded: string): string {
  try {
    const user = decodeURIComponent(encoded);
    if (USER.test(user)) return user;
  } catch {
    // A broken percent escape gets the same refusal.
  }
  return refuse('its user is not a name: write "alice@" or "alice%2Flaptop@" before the host');
}

/**
 * The host in the text between "@" and "/" of a link; undefined where there is none. The zone of a
 * link-local address follows "%25" (RFC 6874), or "%" as people paste it.
 */
function hostIn(written: string): string | undefined {
  const host = written.replace(/^\[(.*)\]$/, "$1");
  if (host !== written) return host.includes("%") ? scopedIn(host) : literal(host, 6);
  const isHost = /^[\d.]+$/.test(host) ? literal(host, 4) !== undefined : HOST_NAME.test(host);
  return isHost ? host : undefined;
}

function literal(text: string, family: Family): string | undefined {
  return parseAddress(text)?.family === family ? text : undefined;
}

/** "%25" alone is the interface with the number 25: text follows the sign of RFC 6874. */
function scopedIn(text: string): string | undefined {
  const [, address, encoded] = /^([^%]*)%25(.+)$/s.exec(text) ?? [];
  try {
    const host = encoded === undefined ? text : `${address}%${decodeURIComponent(encoded)}`;
    return parseScoped(host) === undefined ? undefined : host;
  } catch {
    return undefined; // a broken percent escape
  }
}

/**
 * The host of a link as a person may write it, an IPv6 address with brackets or without. Undefined
 * for text that is no host, and for a link-local address without its interface.
 */
export function readHost(text: string): string | undefined {
  const host = hostIn(text.includes(":") && !text.startsWith("[") ? `[${text}]` : text);
  return host === undefined || lacksZone(host) ? undefined : host;
}

function readHostOf(written: string): string {
  const host = hostIn(written);
  if (host === undefined) {
    return refuse(
      "its host is not one: write a name, an IPv4 address or an IPv6 address in brackets",
    );
  }
  if (!lacksZone(host)) return host;
  return refuse(
    "its host is a link-local address, which says nothing without an interface: write [fe80::…%25eth0], with the name of the one that leads there on the computer that knocks",
  );
}

/**
 * Decodes as forms encode; a broken escape stays as it is. Written by hand, since not every app has
 * URLSearchParams.
 */
function readEscapes(encoded: string): string {
  const text = encoded.replaceAll("+", " ");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split("&").filter((text) => text !== "")) {
    const [name = "", ...rest] = pair.split("=").map(readEscapes);
    const value = rest.join("=");
    if (!PARAMETERS.includes(name)) {
      refuse(`it has a parameter that RKS1 does not know: write only ${PARAMETERS.join(", ")}`);
    }
    if (parameters.has(name)) refuse(`its "${name}" stands twice: write it once`);
    parameters.set(name, value);
  }
  return parameters;
}

function readKey(text: string | undefined): Uint8Array {
  if (text === undefined) return refuse("it has no key: copy the whole link");
  const key = decodeBase32(text);
  if (key?.length === KEY_BYTES) return key;
  return refuse("its key is not 32 bytes of base32 (52 characters): copy the whole link");
}

function readNumber(
  name: string,
  text: string | undefined,
  standard: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (text === undefined) return standard;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  return refuse(`its "${name}" is out of bounds: write a whole number from ${min} to ${max}`);
}

function readOpens(text: string | undefined): PortRange[] {
  if (text === undefined || text === "") return [];
  return text.split(",").map((part) => {
    return parsePortRange(part) ?? refuse('its "opens" is not a list of ports: write "22/tcp"');
  });
}

/** Reads a link. Throws a SallyportError (exit 64) that quotes no part of it. */
export function parseProfileLink(text: string): Profile {
  const match = LINK.exec(text.trim());
  if (match === null) return refuse("it is not one: it looks like rks1://USER@HOST/DOOR?key=…");
  const [, user = "", host = "", door = "", query = ""] = match;
  if (!isDoorName(door)) refuse("its door is not a name: write a–z, 0–9 and hyphens");

  const given = readParameters(query);
  const lo = readNumber("lo", given.get("lo"), DEFAULT_SPACE.lo, SPACE_LIMITS.lo);
  const hi = readNumber("hi", given.get("hi"), DEFAULT_SPACE.hi, SPACE_LIMITS.hi);
  if (hi - lo + 1 < SPACE_LIMITS.range.min) {
    refuse(
      `its "lo" and "hi" leave too few ports: make the range ${SPACE_LIMITS.range.min} or more`,
    );
  }
  const proto = given.get("proto") ?? DEFAULT_SPACE.proto;
  if (proto !== "tcp" && proto !== "udp") return refuse('its "proto" is neither "tcp" nor "udp"');
  return {
    user: readUser(user),
    host: readHostOf(host),
    door,
    key: readKey(given.get("key")),
    lo,
    hi,
    ports: readNumber("n", given.get("n"), DEFAULT_SPACE.ports, SPACE_LIMITS.ports),
    stepSeconds: readNumber(
      "step",
      given.get("step"),
      DEFAULT_SPACE.stepSeconds,
      SPACE_LIMITS.stepSeconds,
    ),
    proto,
    opens: readOpens(given.get("opens")),
  };
}

/**
 * Writes a link without the parameters that have their default; `parseProfileLink` reads it back
 * equal.
 */
export function formatProfileLink(profile: Profile): string {
  const { user, host, door, key, lo, hi, ports, stepSeconds, proto, opens } = profile;
  const parameters = [
    `key=${encodeBase32(key)}`,
    lo === DEFAULT_SPACE.lo ? "" : `lo=${lo}`,
    hi === DEFAULT_SPACE.hi ? "" : `hi=${hi}`,
    ports === DEFAULT_SPACE.ports ? "" : `n=${ports}`,
    stepSeconds === DEFAULT_SPACE.stepSeconds ? "" : `step=${stepSeconds}`,
    proto === DEFAULT_SPACE.proto ? "" : `proto=${proto}`,
    opens.length === 0 ? "" : `opens=${opens.map(formatPortRange).join(",")}`,
  ].filter((parameter) => parameter !== "");
  const [address, zone] = host.split("%");
  const scoped = zone === undefined ? host : `${address}%25${encodeURIComponent(zone)}`;
  const shownHost = host.includes(":") ? `[${scoped}]` : host;
  return `rks1://${encodeURIComponent(user)}@${shownHost}/${door}?${parameters.join("&")}`;
}
