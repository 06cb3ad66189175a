/** The address of somebody who knocks, as commands take it. */

import { parsePeer } from "../api/schemas.ts";
import { type Address, formatAddress } from "../core/address.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { parseScoped } from "../core/scoped-address.ts";
import { printable } from "./output.ts";

/** How to write an address that somebody gave with the interface of another computer; undefined for any other text. */
export function withoutZone(text: string): string | undefined {
  const scoped = parseScoped(text);
  if (scoped === undefined) return undefined;
  return `the server knows it without an interface: write ${formatAddress(scoped.address)}`;
}

/** Reads the argument of `sallyport why` and others. Throws SallyportError (usage): "Cannot DEED TEXT: …". */
export function readPeer(text: string, deed: string): Address {
  const address = parsePeer(text);
  if (address !== undefined) return address;
  const problem =
    withoutZone(text) ??
    "it is not an IPv4 or IPv6 address that packets come from: write one such as 203.0.113.9";
  throw new SallyportError(`Cannot ${deed} "${printable(text)}": ${problem}`, ExitCode.usage);
}
