/** Whose program is at the other end of a TCP connection within this machine. */

import { addressBytes, parseAddress, unmapped } from "../core/address.ts";
import { readProcNet } from "./proc-net.ts";
import { parseSockets, SOCKET_STATE } from "./socket-table.ts";

/** One end of a connection, as the runtime names it. */
export interface NamedEndpoint {
  readonly address: string;
  readonly port: number;
}

/** The states of an end that its program may still hold: it may have ended what it says. */
const HELD = [
  SOCKET_STATE.ESTABLISHED,
  SOCKET_STATE.FIN_WAIT1,
  SOCKET_STATE.FIN_WAIT2,
  SOCKET_STATE.CLOSE_WAIT,
] as const;

/** ::ffff:0:0/96 in the table of IPv6. */
const MAPPED = "0000000000000000FFFF0000";

/** An end as the kernel prints it: 32-bit words in host order, which is little-endian on every target. */
function printed({ address, port }: NamedEndpoint): { hex: string; family: 4 | 6 } | undefined {
  const named = parseAddress(address);
  if (named === undefined) return undefined;
  const wire = unmapped(named);
  const words = Buffer.from(addressBytes(wire)).swap32().toString("hex").toUpperCase();
  const end = port.toString(16).toUpperCase().padStart(4, "0");
  return { hex: `${words}:${end}`, family: wire.family };
}

/**
 * The user whose program holds the socket at `theirs` that is connected to `ours`. Undefined where it is
 * not of this machine, or no program holds it any more: the kernel would call it root's. Reads the line of
 * this connection alone: others may have many thousands.
 */
export function ownerOfPeer(theirs: NamedEndpoint, ours: NamedEndpoint): number | undefined {
  const from = printed(theirs);
  const to = printed(ours);
  if (from === undefined || to === undefined) return undefined;
  const pairs = [
    [from.family === 4 ? "tcp" : "tcp6", `${from.hex} ${to.hex} `],
    ...(from.family === 4 ? [["tcp6", `${MAPPED}${from.hex} ${MAPPED}${to.hex} `] as const] : []),
  ] as const;
  for (const [file, ends] of pairs) {
    const table = readProcNet(file) ?? "";
    const at = table.indexOf(` ${ends}`);
    if (at < 0) continue;
    const line = table.slice(table.lastIndexOf("\n", at) + 1, table.indexOf("\n", at));
    const [found] = parseSockets(line, HELD);
    if (found !== undefined && found.inode !== "0") return found.uid;
  }
  return undefined;
}
