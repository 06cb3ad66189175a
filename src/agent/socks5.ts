/** SOCKS5 (RFC 1928) as a server reads and answers it: no authentication, CONNECT alone. Pure. */

import { addressFromBytes, formatAddress } from "../core/address.ts";
import type { Destination } from "../client/dial.ts";
import type { FailureKind, Parsed } from "./parsed.ts";

export const SOCKS5 = 5;

const NO_AUTHENTICATION = 0;
const NO_ACCEPTABLE_METHOD = 0xff;
const CONNECT = 1;
const IPV4 = 1;
const DOMAIN = 3;
const IPV6 = 4;

/** RFC 1928, section 6. */
const REPLY = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

const REPLY_OF: Readonly<Record<FailureKind, number>> = {
  forbidden: REPLY.notAllowed,
  refused: REPLY.refused,
  silent: REPLY.hostUnreachable,
  failed: REPLY.generalFailure,
};

/** VER, REP, RSV, and an address that says nothing: programs do not use it, and ours is none of their business. */
function reply(code: number): Uint8Array {
  return Uint8Array.of(SOCKS5, code, 0, IPV4, 0, 0, 0, 0, 0, 0);
}

export const SOCKS5_CONNECTED = reply(REPLY.succeeded);

export function socks5Failure(kind: FailureKind): Uint8Array {
  return reply(REPLY_OF[kind]);
}

function broken(reason: string, answer: Uint8Array): Parsed<never> {
  return { kind: "broken", reason, answer };
}

/** The first message, VER NMETHODS METHODS; its value is the answer. */
export function readGreeting(bytes: Uint8Array): Parsed<Uint8Array> {
  const [, count] = bytes;
  if (count === undefined || bytes.length < 2 + count) return { kind: "more" };
  const length = 2 + count;
  if (bytes.subarray(2, length).includes(NO_AUTHENTICATION)) {
    return { kind: "whole", value: Uint8Array.of(SOCKS5, NO_AUTHENTICATION), length };
  }
  return broken(
    "it wants to log in: leave user and password out of its proxy settings",
    Uint8Array.of(SOCKS5, NO_ACCEPTABLE_METHOD),
  );
}

/** Bytes of the address, its length where it has one included; undefined for an unknown type. */
function addressLength(type: number, next: number): number | undefined {
  if (type === IPV4) return 4;
  if (type === IPV6) return 16;
  return type === DOMAIN ? 1 + next : undefined;
}

/** A name as bytes; undefined for an empty one, and one with what no name has. */
function readName(bytes: Uint8Array): string | undefined {
  const name = String.fromCharCode(...bytes);
  return /^[\x21-\x7e]+$/.test(name) ? name : undefined;
}

/** The second message, VER CMD RSV ATYP DST.ADDR DST.PORT. */
export function readRequest(bytes: Uint8Array): Parsed<Destination> {
  const [version, command, , type, next] = bytes;
  if (version !== undefined && version !== SOCKS5) {
    return broken("its second message is not of SOCKS5", reply(REPLY.generalFailure));
  }
  // The type and a byte of the address: enough to know the length.
  if (command === undefined || type === undefined || next === undefined) return { kind: "more" };
  const size = addressLength(type, next);
  if (size === undefined) {
    return broken("it names an address of no known type", reply(REPLY.addressTypeNotSupported));
  }
  const length = 4 + size + 2;
  if (bytes.length < length) return { kind: "more" };
  if (command !== CONNECT) {
    return broken(
      "it asks for more than a TCP connection, which is all there is",
      reply(REPLY.commandNotSupported),
    );
  }
  const address = bytes.subarray(4, 4 + size);
  const host =
    type === DOMAIN ? readName(address.subarray(1)) : formatAddress(addressFromBytes(address));
  const port = (bytes[length - 2]! << 8) | bytes[length - 1]!;
  if (host === undefined || port === 0) {
    return broken("it names no host and port", reply(REPLY.generalFailure));
  }
  return { kind: "whole", value: { host, port }, length };
}
